/** What honest peers speak with the guarded node: whatever they say comes back */
export const ECHO_PROTOCOL = '/cordon-attacks/echo/1.0.0'
