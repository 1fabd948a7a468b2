module cordon.example/gater

go 1.25.7

require github.com/gaissmai/bart v0.30.0
