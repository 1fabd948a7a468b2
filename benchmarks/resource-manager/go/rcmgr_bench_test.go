// Package rcmgrbench is a head-to-head benchmark of go-libp2p's network resource manager.
//
// It uses only the public API of go-libp2p (no internals):
//
//	go test -run 'TestReplayFingerprint|TestPerLayerErrors' -v .
//	go test -run xxx -bench . -benchmem -benchtime 2s -count 10 -cpu 1,8 .
//
// What is measured
//
//   - Lifecycle/*      OpenConnection -> SetPeer -> OpenStream -> SetProtocol -> SetService ->
//     ReserveMemory -> ReleaseMemory -> stream.Done -> conn.Done (one iteration = whole chain)
//   - Conn/*, Stream/* the same chain cut in two
//   - Memory/*         reserve+release on the scope with the longest edge list (6 edges)
//   - Span/*           BeginSpan -> ReserveMemory -> Done (what yamux does for every stream)
//   - Blocked/*        the refusal path, i.e. the path that is hot when a node is being attacked
//   - Churn/*, ChurnN  open/close with 10 000 (10 to 1 000 000) live peers in the tables
//   - Stat/*           the introspection dump with N live peers
//   - Footprint/*      heap bytes per open connection / per open stream (reported as a metric)
//   - Replay/*         two deterministic mixed workloads (xorshift32), portable to any language:
//     "scaled" (replay-scaled-limits.json: go's default limits for 256 MiB and 512 fds) and "tight"
//     (replay-tight-limits.json, where every layer refuses, and peers, protocols and services are set late). TestReplayFingerprint prints one JSON line for each;
//     REPLAY_SEEDS=7,8 chooses the seeds.
//
// Variants: "nometrics" = rcmgr.WithMetricsDisabled(); "default" = what libp2p.New() gives you
// (Prometheus reporter attached through the trace hook, all scopes pushing events).
//
// All limits are large but FINITE (1<<40) unless the benchmark is about refusal: with
// InfiniteLimits (math.MaxInt64) go short-cuts the memory check, which would not be a fair race.
// The connection rate limiter is replaced by an unlimited one and the endpoint is a loopback
// address (unlimited in the default connLimiter), otherwise the default 16-burst / 0.2 rps token
// bucket would make OpenConnection fail after 16 iterations.
package rcmgrbench

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"

	"github.com/multiformats/go-multiaddr"
)

const (
	big       = 1 << 40
	svcName   = "bench.svc"
	protoName = protocol.ID("/bench/1.0.0")
	memSize   = 4096
)

var (
	loopback = multiaddr.StringCast("/ip4/127.0.0.1/tcp/4001")
	public   = multiaddr.StringCast("/ip4/1.2.3.4/tcp/4001")

	// keep results alive
	sinkStat network.ScopeStat
	sinkErr  error
	sinkMgr  rcmgr.ResourceManagerStat
)

// mkPeer builds a peer ID with the shape of a real ed25519 identity ID (38 bytes), so that the
// base58 rendering go does for scope names costs what it costs in production.
func mkPeer(i int) peer.ID {
	b := make([]byte, 38)
	copy(b, []byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20})
	binary.BigEndian.PutUint64(b[6:], uint64(i)*0x9E3779B97F4A7C15)
	binary.BigEndian.PutUint64(b[14:], uint64(i))
	return peer.ID(b)
}

func finite() rcmgr.PartialLimitConfig {
	rl := rcmgr.ResourceLimits{
		Streams: big, StreamsInbound: big, StreamsOutbound: big,
		Conns: big, ConnsInbound: big, ConnsOutbound: big,
		FD: big, Memory: big,
	}
	return rcmgr.PartialLimitConfig{
		System: rl, Transient: rl,
		AllowlistedSystem: rl, AllowlistedTransient: rl,
		ServiceDefault: rl, ServicePeerDefault: rl,
		ProtocolDefault: rl, ProtocolPeerDefault: rl,
		PeerDefault: rl, Conn: rl, Stream: rl,
	}
}

func unlimitedPerIP() []rcmgr.Option {
	return []rcmgr.Option{
		rcmgr.WithConnRateLimiters(&rate.Limiter{}), // zero value = no rate limit
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: big}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: big}},
		),
	}
}

func newMgr(tb testing.TB, cfg rcmgr.ConcreteLimitConfig, metrics bool, extra ...rcmgr.Option) network.ResourceManager {
	tb.Helper()
	opts := unlimitedPerIP()
	if !metrics {
		opts = append(opts, rcmgr.WithMetricsDisabled())
	}
	opts = append(opts, extra...)
	rm, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(cfg), opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { rm.Close() })
	return rm
}

func variants(b *testing.B, f func(b *testing.B, rm network.ResourceManager)) {
	for _, v := range []struct {
		name    string
		metrics bool
	}{{"nometrics", false}, {"default", true}} {
		b.Run(v.name, func(b *testing.B) {
			rm := newMgr(b, finite().Build(rcmgr.InfiniteLimits), v.metrics)
			b.ReportAllocs()
			b.ResetTimer()
			f(b, rm)
		})
	}
}

func must(tb testing.TB, err error) {
	if err != nil {
		tb.Helper()
		tb.Fatal(err)
	}
}

// lifecycle is one full pass over the API. It is the unit of the headline number.
func lifecycle(rm network.ResourceManager, p peer.ID, ma multiaddr.Multiaddr) error {
	c, err := rm.OpenConnection(network.DirInbound, true, ma)
	if err != nil {
		return err
	}
	if err := c.SetPeer(p); err != nil {
		c.Done()
		return err
	}
	s, err := rm.OpenStream(p, network.DirInbound)
	if err != nil {
		c.Done()
		return err
	}
	if err = s.SetProtocol(protoName); err == nil {
		if err = s.SetService(svcName); err == nil {
			if err = s.ReserveMemory(memSize, network.ReservationPriorityAlways); err == nil {
				s.ReleaseMemory(memSize)
			}
		}
	}
	s.Done()
	c.Done()
	return err
}

func BenchmarkLifecycle(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		p := mkPeer(1)
		for i := 0; i < b.N; i++ {
			if err := lifecycle(rm, p, loopback); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A public address exercises the per-subnet map of the conn limiter rather than the loopback prefix.
func BenchmarkLifecyclePublicIP(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		p := mkPeer(1)
		for i := 0; i < b.N; i++ {
			if err := lifecycle(rm, p, public); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkLifecycleParallel(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		var id atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			p := mkPeer(int(id.Add(1)))
			for pb.Next() {
				if err := lifecycle(rm, p, loopback); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func BenchmarkConn(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		p := mkPeer(1)
		for i := 0; i < b.N; i++ {
			c, err := rm.OpenConnection(network.DirInbound, true, loopback)
			if err != nil {
				b.Fatal(err)
			}
			if err := c.SetPeer(p); err != nil {
				b.Fatal(err)
			}
			c.Done()
		}
	})
}

func BenchmarkStream(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		p := mkPeer(1)
		for i := 0; i < b.N; i++ {
			s, err := rm.OpenStream(p, network.DirInbound)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.SetProtocol(protoName); err != nil {
				b.Fatal(err)
			}
			if err := s.SetService(svcName); err != nil {
				b.Fatal(err)
			}
			s.Done()
		}
	})
}

func openServiceStream(tb testing.TB, rm network.ResourceManager, p peer.ID) network.StreamManagementScope {
	tb.Helper()
	s, err := rm.OpenStream(p, network.DirInbound)
	must(tb, err)
	must(tb, s.SetProtocol(protoName))
	must(tb, s.SetService(svcName))
	return s
}

func BenchmarkMemory(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		s := openServiceStream(b, rm, mkPeer(1))
		defer s.Done()
		b.ResetTimer()
		for i := 0; i < b.N; i++ {
			if err := s.ReserveMemory(memSize, network.ReservationPriorityMedium); err != nil {
				b.Fatal(err)
			}
			s.ReleaseMemory(memSize)
		}
	})
}

func BenchmarkMemoryParallel(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		var id atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			s, err := rm.OpenStream(mkPeer(int(id.Add(1))), network.DirInbound)
			if err != nil {
				b.Error(err)
				return
			}
			defer s.Done()
			if err := s.SetProtocol(protoName); err != nil {
				b.Error(err)
				return
			}
			for pb.Next() {
				if err := s.ReserveMemory(memSize, network.ReservationPriorityMedium); err != nil {
					b.Error(err)
					return
				}
				s.ReleaseMemory(memSize)
			}
		})
	})
}

// What go-yamux does for every stream: a span on the PEER scope with 256 KiB at priority 255.
func BenchmarkSpan(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		err := rm.ViewPeer(mkPeer(1), func(ps network.PeerScope) error {
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				sp, err := ps.BeginSpan()
				if err != nil {
					return err
				}
				if err := sp.ReserveMemory(256<<10, network.ReservationPriorityAlways); err != nil {
					return err
				}
				sp.Done()
			}
			return nil
		})
		must(b, err)
	})
}

func BenchmarkBlocked(b *testing.B) {
	run := func(name string, mod func(*rcmgr.PartialLimitConfig), op func(rm network.ResourceManager, p peer.ID) error) {
		for _, metrics := range []bool{false, true} {
			label := name + "/nometrics"
			if metrics {
				label = name + "/default"
			}
			b.Run(label, func(b *testing.B) {
				cfg := finite()
				mod(&cfg)
				rm := newMgr(b, cfg.Build(rcmgr.InfiniteLimits), metrics)
				p := mkPeer(1)
				b.ReportAllocs()
				b.ResetTimer()
				for i := 0; i < b.N; i++ {
					err := op(rm, p)
					if err == nil {
						b.Fatal("expected the resource manager to refuse")
					}
					sinkErr = err
				}
			})
		}
	}
	run("conn-system",
		func(c *rcmgr.PartialLimitConfig) { c.System.ConnsInbound = rcmgr.BlockAllLimit },
		func(rm network.ResourceManager, _ peer.ID) error {
			_, err := rm.OpenConnection(network.DirInbound, true, loopback)
			return err
		})
	run("conn-setpeer",
		func(c *rcmgr.PartialLimitConfig) { c.PeerDefault.ConnsInbound = rcmgr.BlockAllLimit },
		func(rm network.ResourceManager, p peer.ID) error {
			c, err := rm.OpenConnection(network.DirInbound, true, loopback)
			if err != nil {
				return nil // counts as a test failure: should have been refused later
			}
			err = c.SetPeer(p)
			c.Done()
			return err
		})
	run("stream-transient",
		func(c *rcmgr.PartialLimitConfig) { c.Transient.StreamsInbound = rcmgr.BlockAllLimit },
		func(rm network.ResourceManager, p peer.ID) error {
			_, err := rm.OpenStream(p, network.DirInbound)
			return err
		})
	run("stream-protocol",
		func(c *rcmgr.PartialLimitConfig) { c.ProtocolDefault.StreamsInbound = rcmgr.BlockAllLimit },
		func(rm network.ResourceManager, p peer.ID) error {
			s, err := rm.OpenStream(p, network.DirInbound)
			if err != nil {
				return nil
			}
			err = s.SetProtocol(protoName)
			s.Done()
			return err
		})
	run("memory-low-priority",
		func(c *rcmgr.PartialLimitConfig) { c.System.Memory = 1 << 20 },
		func(rm network.ResourceManager, _ peer.ID) error {
			return rm.ViewSystem(func(s network.ResourceScope) error {
				return s.ReserveMemory(1<<19, network.ReservationPriorityLow) // 50% > 40%
			})
		})
}

// Default scopes full, endpoint allowlisted: every OpenConnection takes the fallback branch.
func BenchmarkAllowlistFallback(b *testing.B) {
	cfg := finite()
	cfg.System.Conns = rcmgr.BlockAllLimit
	rm := newMgr(b, cfg.Build(rcmgr.InfiniteLimits), false,
		rcmgr.WithAllowlistedMultiaddrs([]multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1")}))
	p := mkPeer(1)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		c, err := rm.OpenConnection(network.DirInbound, true, loopback)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.SetPeer(p); err != nil {
			b.Fatal(err)
		}
		c.Done()
	}
}

type populated struct {
	conns   []network.ConnManagementScope
	streams []network.StreamManagementScope
}

func populate(tb testing.TB, rm network.ResourceManager, peers, streamsPerPeer int) *populated {
	tb.Helper()
	out := &populated{}
	for i := 0; i < peers; i++ {
		p := mkPeer(i)
		c, err := rm.OpenConnection(network.DirInbound, true, loopback)
		must(tb, err)
		must(tb, c.SetPeer(p))
		out.conns = append(out.conns, c)
		for j := 0; j < streamsPerPeer; j++ {
			out.streams = append(out.streams, openServiceStream(tb, rm, p))
		}
	}
	return out
}

func (p *populated) done() {
	for _, s := range p.streams {
		s.Done()
	}
	for _, c := range p.conns {
		c.Done()
	}
}

func BenchmarkChurn10kPeers(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		const peers = 10_000
		live := populate(b, rm, peers, 1)
		ids := make([]peer.ID, peers)
		for i := range ids {
			ids[i] = mkPeer(i)
		}
		r := rng(1)
		b.ResetTimer()
		for i := 0; i < b.N; i++ {
			if err := lifecycle(rm, ids[int(r.next()%peers)], loopback); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		live.done()
	})
}

// A never-seen peer on every iteration: pays scope creation (and leaves it for the 1 min gc).
func BenchmarkChurnFreshPeers(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		for i := 0; i < b.N; i++ {
			if err := lifecycle(rm, mkPeer(i), loopback); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkStat(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("peers=%d", n), func(b *testing.B) {
			rm := newMgr(b, finite().Build(rcmgr.InfiniteLimits), false)
			live := populate(b, rm, n, 1)
			st, ok := rm.(rcmgr.ResourceManagerState)
			if !ok {
				b.Fatal("not a ResourceManagerState")
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				sinkMgr = st.Stat()
			}
			b.StopTimer()
			live.done()
		})
	}
}

func BenchmarkScopeStat(b *testing.B) {
	variants(b, func(b *testing.B, rm network.ResourceManager) {
		for i := 0; i < b.N; i++ {
			if err := rm.ViewSystem(func(s network.ResourceScope) error {
				sinkStat = s.Stat()
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Footprint: run with -benchtime 1x. Bytes of heap retained by the accounting itself.
func BenchmarkFootprint(b *testing.B) {
	const peers, perPeer = 10_000, 4
	for i := 0; i < b.N; i++ {
		rm := newMgr(b, finite().Build(rcmgr.InfiniteLimits), false)
		h0 := heapInUse()
		conns := populate(b, rm, peers, 0)
		h1 := heapInUse()
		streams := make([]network.StreamManagementScope, 0, peers*perPeer)
		for j := 0; j < peers; j++ {
			p := mkPeer(j)
			for k := 0; k < perPeer; k++ {
				streams = append(streams, openServiceStream(b, rm, p))
			}
		}
		h2 := heapInUse()
		b.ReportMetric(float64(int64(h1-h0))/peers, "B/peer+conn")
		b.ReportMetric(float64(int64(h2-h1))/(peers*perPeer), "B/stream")
		for _, s := range streams {
			s.Done()
		}
		conns.done()
	}
}

// ---------------------------------------------------------------------------------------------
// Deterministic replay: the same op sequence can be produced in JavaScript with
//
//	let x = seed >>> 0
//	const next = () => { x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0; return x }
//
// and the fingerprint (all accept/refuse counters + the peak system stat) must be identical if the
// two implementations have the same admission semantics for the same limits.
// ---------------------------------------------------------------------------------------------

type rng uint32

func (r *rng) next() uint32 {
	x := uint32(*r)
	x ^= x << 13
	x ^= x >> 17
	x ^= x << 5
	*r = rng(x)
	return x
}

type fingerprint struct {
	ConnOK, ConnBlocked, PeerBlocked                                       int
	StreamOK, StreamBlocked, ProtoOK, ProtoBlocked, SvcOK, SvcBlocked      int
	MemOK, MemBlocked, MemBytesOK                                          int
	ClosedStreams, ClosedConns                                             int
	PeakMemory                                                             int64
	PeakConnsIn, PeakConnsOut, PeakStreamsIn, PeakStreamsOut, PeakFD, Live int
}

var replayPrios = [4]uint8{
	network.ReservationPriorityLow,
	network.ReservationPriorityMedium,
	network.ReservationPriorityHigh,
	network.ReservationPriorityAlways,
}

type replayConn struct {
	scope network.ConnManagementScope
	peer  peer.ID
}

func dirOf(v uint32) network.Direction {
	if v&1 == 0 {
		return network.DirInbound
	}
	return network.DirOutbound
}

func replay(rm network.ResourceManager, seed uint32, ops, npeers int, observe bool) fingerprint {
	var fp fingerprint
	r := rng(seed)
	peers := make([]peer.ID, npeers)
	for i := range peers {
		peers[i] = mkPeer(i)
	}
	protos := [4]protocol.ID{"/a/1", "/b/1", "/c/1", "/d/1"}
	svcs := [2]string{"svc.a", "svc.b"}
	conns := make([]replayConn, 0, 1024)
	streams := make([]network.StreamManagementScope, 0, 4096)

	for i := 0; i < ops; i++ {
		op := r.next() % 100
		a, c := r.next(), r.next() // always draw three numbers per op
		switch {
		case op < 20: // open a connection and attach it to a peer
			conn, err := rm.OpenConnection(dirOf(a), a&2 != 0, loopback)
			if err != nil {
				fp.ConnBlocked++
				break
			}
			p := peers[int(c%uint32(npeers))]
			if err := conn.SetPeer(p); err != nil {
				fp.PeerBlocked++
				conn.Done()
				break
			}
			fp.ConnOK++
			conns = append(conns, replayConn{conn, p})
		case op < 60: // open a stream on a random connection
			if len(conns) == 0 {
				break
			}
			p := conns[int(a%uint32(len(conns)))].peer
			s, err := rm.OpenStream(p, dirOf(c))
			if err != nil {
				fp.StreamBlocked++
				break
			}
			fp.StreamOK++
			if c&2 != 0 {
				if err := s.SetProtocol(protos[(c>>2)&3]); err != nil {
					fp.ProtoBlocked++
					s.Done()
					break
				}
				fp.ProtoOK++
				if c&16 != 0 {
					if err := s.SetService(svcs[(c>>5)&1]); err != nil {
						fp.SvcBlocked++
						s.Done()
						break
					}
					fp.SvcOK++
				}
			}
			streams = append(streams, s)
		case op < 80: // reserve memory on a random stream
			if len(streams) == 0 {
				break
			}
			size := 1024 << (c & 15) // 1 KiB .. 32 MiB
			if err := streams[int(a%uint32(len(streams)))].ReserveMemory(size, replayPrios[(c>>4)&3]); err != nil {
				fp.MemBlocked++
			} else {
				fp.MemOK++
				fp.MemBytesOK += size
			}
		case op < 95: // close a random stream (swap remove)
			if len(streams) == 0 {
				break
			}
			j := int(a % uint32(len(streams)))
			streams[j].Done()
			streams[j] = streams[len(streams)-1]
			streams = streams[:len(streams)-1]
			fp.ClosedStreams++
		default: // close a random connection (swap remove)
			if len(conns) == 0 {
				break
			}
			j := int(a % uint32(len(conns)))
			conns[j].scope.Done()
			conns[j] = conns[len(conns)-1]
			conns = conns[:len(conns)-1]
			fp.ClosedConns++
		}
		if observe {
			_ = rm.ViewSystem(func(s network.ResourceScope) error {
				st := s.Stat()
				fp.PeakMemory = max64(fp.PeakMemory, st.Memory)
				fp.PeakConnsIn = maxInt(fp.PeakConnsIn, st.NumConnsInbound)
				fp.PeakConnsOut = maxInt(fp.PeakConnsOut, st.NumConnsOutbound)
				fp.PeakStreamsIn = maxInt(fp.PeakStreamsIn, st.NumStreamsInbound)
				fp.PeakStreamsOut = maxInt(fp.PeakStreamsOut, st.NumStreamsOutbound)
				fp.PeakFD = maxInt(fp.PeakFD, st.NumFD)
				return nil
			})
		}
	}
	fp.Live = len(conns) + len(streams)
	for _, s := range streams {
		s.Done()
	}
	for _, c := range conns {
		c.scope.Done()
	}
	return fp
}

func max64(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}

func maxInt(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func BenchmarkReplay(b *testing.B) {
	const ops = 100_000
	for _, metrics := range []bool{false, true} {
		name := "nometrics"
		if metrics {
			name = "default"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				rm := managerFromJSON(b, scaledLimits, metrics)
				replay(rm, 42, ops, 64, false)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/ops, "ns/op-replayed")
		})
	}
}

// ---------------------------------------------------------------------------------------------
// The "tight" workload: limits so small that every layer refuses; connections wait in transient, streams are negotiated
// late, spans come and go. Every outcome and, every 64 operations, the use of every named scope go into one FNV-like hash.
// ---------------------------------------------------------------------------------------------

//go:embed replay-tight-limits.json
var tightLimits []byte

// scaledLimits is rcmgr.DefaultLimits.Scale(256 MiB, 512 fds) of v0.48.0, written out, its known mistakes included.
//
//go:embed replay-scaled-limits.json
var scaledLimits []byte

type tightPrint struct {
	ConnOK, ConnBlocked, PeerOK, PeerBlocked                                   int
	StreamOK, StreamBlocked, ProtoOK, ProtoBlocked, SvcOK, SvcBlocked          int
	MemOK, MemBlocked, Released, SpanOK, SpanMemOK, SpanMemBlocked, SpanClosed int
	ClosedStreams, ClosedConns, ClosedSpans, Live                              int
	Hash                                                                       uint32
	Blame                                                                      map[string]int // which scope refused what, see blameOf
}

type hash32 uint32

func (h *hash32) add(v int64) {
	*h = hash32((uint32(*h) ^ uint32(uint64(v))) * 16777619)
	*h = hash32((uint32(*h) ^ uint32(uint64(v)>>32)) * 16777619)
}

func (h *hash32) addStat(st network.ScopeStat) {
	h.add(int64(st.NumConnsInbound))
	h.add(int64(st.NumConnsOutbound))
	h.add(int64(st.NumStreamsInbound))
	h.add(int64(st.NumStreamsOutbound))
	h.add(int64(st.NumFD))
	h.add(st.Memory)
}

type tightConn struct {
	scope network.ConnManagementScope
	peer  int
}

type tightStream struct {
	scope network.StreamManagementScope
	held  []int // sizes reserved and not yet released, oldest first
}

// take removes element i by moving the last one into its place.
func take[T any](list *[]T, i int) T {
	v := (*list)[i]
	last := len(*list) - 1
	(*list)[i] = (*list)[last]
	*list = (*list)[:last]
	return v
}

func replayTight(rm network.ResourceManager, seed uint32, ops, npeers int) tightPrint {
	var fp tightPrint
	fp.Blame = map[string]int{}
	h := hash32(2166136261)
	r := rng(seed)
	peers := make([]peer.ID, npeers)
	for i := range peers {
		peers[i] = mkPeer(i)
	}
	protos := [4]protocol.ID{"/a/1", "/b/1", "/c/1", "/d/1"}
	svcs := [2]string{"svc.a", "svc.b"}
	var pending, conns []tightConn                 // before and after SetPeer
	var fresh, negotiated, serviced []*tightStream // before SetProtocol, after it, after SetService
	var spans []network.ResourceScopeSpan
	lists := [3]*[]*tightStream{&fresh, &negotiated, &serviced}
	count := func(err error, ok, blocked *int) bool {
		if err != nil {
			*blocked++
			h.add(0)
			fp.Blame[blameOf(err)]++
			return false
		}
		*ok++
		h.add(1)
		return true
	}
	// pick a stream among the three lists in order, as if they were one
	pick := func(v uint32) (list *[]*tightStream, i int) {
		n := len(fresh) + len(negotiated) + len(serviced)
		if n == 0 {
			return nil, 0
		}
		i = int(v % uint32(n))
		for _, l := range lists {
			if i < len(*l) {
				return l, i
			}
			i -= len(*l)
		}
		panic("unreachable")
	}

	for i := 0; i < ops; i++ {
		op := r.next() % 100
		a, c := r.next(), r.next() // always draw three numbers per op
		switch {
		case op < 14: // open a connection; it stays in transient
			conn, err := rm.OpenConnection(dirOf(a), a&2 != 0, loopback)
			if count(err, &fp.ConnOK, &fp.ConnBlocked) {
				pending = append(pending, tightConn{conn, int(c % uint32(npeers))})
			}
		case op < 27: // attach a waiting connection to its peer; a refused one is closed
			if len(pending) == 0 {
				break
			}
			t := take(&pending, int(a%uint32(len(pending))))
			if count(t.scope.SetPeer(peers[t.peer]), &fp.PeerOK, &fp.PeerBlocked) {
				conns = append(conns, t)
			} else {
				t.scope.Done()
			}
		case op < 50: // open a stream to the peer of a random connection
			if len(conns) == 0 {
				break
			}
			s, err := rm.OpenStream(peers[conns[int(a%uint32(len(conns)))].peer], dirOf(c))
			if count(err, &fp.StreamOK, &fp.StreamBlocked) {
				fresh = append(fresh, &tightStream{scope: s})
			}
		case op < 65: // negotiate; a refused stream stays and may try again with another protocol
			if len(fresh) == 0 {
				break
			}
			j := int(a % uint32(len(fresh)))
			if count(fresh[j].scope.SetProtocol(protos[c&3]), &fp.ProtoOK, &fp.ProtoBlocked) {
				negotiated = append(negotiated, take(&fresh, j))
			}
		case op < 72: // attach to a service; a refused stream keeps its protocol
			if len(negotiated) == 0 {
				break
			}
			j := int(a % uint32(len(negotiated)))
			if count(negotiated[j].scope.SetService(svcs[c&1]), &fp.SvcOK, &fp.SvcBlocked) {
				serviced = append(serviced, take(&negotiated, j))
			}
		case op < 80: // reserve memory on a random stream
			list, j := pick(a)
			if list == nil {
				break
			}
			size := 256 << (c & 15) // 256 B .. 8 MiB
			if count((*list)[j].scope.ReserveMemory(size, replayPrios[(c>>4)&3]), &fp.MemOK, &fp.MemBlocked) {
				(*list)[j].held = append((*list)[j].held, size)
			}
		case op < 83: // release the oldest reservation of a random stream
			list, j := pick(a)
			if list == nil || len((*list)[j].held) == 0 {
				break
			}
			st := (*list)[j]
			st.scope.ReleaseMemory(st.held[0])
			st.held = st.held[1:]
			fp.Released++
		case op < 85: // begin a span on a random stream
			list, j := pick(a)
			if list == nil {
				break
			}
			if span, err := (*list)[j].scope.BeginSpan(); err == nil {
				spans = append(spans, span)
				fp.SpanOK++
			}
		case op < 88: // reserve in a random span; its stream may be closed by now
			if len(spans) == 0 {
				break
			}
			err := spans[int(a%uint32(len(spans)))].ReserveMemory(256<<(c&15), replayPrios[(c>>4)&3])
			if errors.Is(err, network.ErrResourceScopeClosed) {
				fp.SpanClosed++
				h.add(2)
			} else {
				count(err, &fp.SpanMemOK, &fp.SpanMemBlocked)
			}
		case op < 91: // end a random span
			if len(spans) == 0 {
				break
			}
			take(&spans, int(a%uint32(len(spans)))).Done()
			fp.ClosedSpans++
		case op < 97: // close a random stream
			list, j := pick(a)
			if list == nil {
				break
			}
			take(list, j).scope.Done()
			fp.ClosedStreams++
		default: // close a random connection, waiting or attached
			n := len(pending) + len(conns)
			if n == 0 {
				break
			}
			if j := int(a % uint32(n)); j < len(pending) {
				take(&pending, j).scope.Done()
			} else {
				take(&conns, j-len(pending)).scope.Done()
			}
			fp.ClosedConns++
		}
		if i%64 == 63 {
			hashScopes(rm, &h, protos[:], svcs[:], peers[int(c%uint32(npeers))])
		}
	}
	fp.Live = len(pending) + len(conns) + len(fresh) + len(negotiated) + len(serviced) + len(spans)
	fp.Hash = uint32(h)
	for _, s := range spans {
		s.Done()
	}
	for _, l := range lists {
		for _, s := range *l {
			s.scope.Done()
		}
	}
	for _, c := range append(pending, conns...) {
		c.scope.Done()
	}
	return fp
}

// hashScopes adds the use of: system, transient, the four protocols, the two services, one peer.
func hashScopes(rm network.ResourceManager, h *hash32, protos []protocol.ID, svcs []string, p peer.ID) {
	_ = rm.ViewSystem(func(s network.ResourceScope) error { h.addStat(s.Stat()); return nil })
	_ = rm.ViewTransient(func(s network.ResourceScope) error { h.addStat(s.Stat()); return nil })
	for _, id := range protos {
		_ = rm.ViewProtocol(id, func(s network.ProtocolScope) error { h.addStat(s.Stat()); return nil })
	}
	for _, name := range svcs {
		_ = rm.ViewService(name, func(s network.ServiceScope) error { h.addStat(s.Stat()); return nil })
	}
	_ = rm.ViewPeer(p, func(s network.PeerScope) error { h.addStat(s.Stat()); return nil })
}

func managerFromJSON(tb testing.TB, limits []byte, metrics bool) network.ResourceManager {
	tb.Helper()
	opts := unlimitedPerIP()
	if !metrics {
		opts = append(opts, rcmgr.WithMetricsDisabled())
	}
	limiter, err := rcmgr.NewLimiterFromJSON(bytes.NewReader(limits), rcmgr.InfiniteLimits)
	must(tb, err)
	rm, err := rcmgr.NewResourceManager(limiter, opts...)
	must(tb, err)
	tb.Cleanup(func() { rm.Close() })
	return rm
}

// replaySeeds returns REPLAY_SEEDS, or three that are as good as any.
func replaySeeds(tb testing.TB) []uint32 {
	v := os.Getenv("REPLAY_SEEDS")
	if v == "" {
		return []uint32{1, 42, 0xdeadbeef}
	}
	var seeds []uint32
	for _, f := range strings.Split(v, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(f), 10, 32)
		must(tb, err)
		seeds = append(seeds, uint32(n))
	}
	return seeds
}

func mustBeEmpty(tb testing.TB, rm network.ResourceManager) {
	tb.Helper()
	empty := func(s network.ResourceScope) error {
		if st := s.Stat(); st != (network.ScopeStat{}) {
			return fmt.Errorf("scope not empty after closing everything: %+v", st)
		}
		return nil
	}
	must(tb, rm.ViewSystem(empty))
	must(tb, rm.ViewTransient(empty))
}

// TestReplayFingerprint prints the lines that another implementation must reproduce number for number.
func TestReplayFingerprint(t *testing.T) {
	line := func(workload string, seed uint32, fp any) {
		out, err := json.Marshal(struct {
			Workload string
			Seed     uint32
			Print    any
		}{workload, seed, fp})
		must(t, err)
		fmt.Println(string(out))
	}
	for _, seed := range replaySeeds(t) {
		rm := managerFromJSON(t, scaledLimits, false)
		line("scaled", seed, replay(rm, seed, 200_000, 64, true))
		mustBeEmpty(t, rm)

		rm = managerFromJSON(t, tightLimits, false)
		line("tight", seed, replayTight(rm, seed, 200_000, 48))
		mustBeEmpty(t, rm)
	}
}

// TestPerLayerErrors prints the exact error text of every layer, for the error-quality comparison.
func TestPerLayerErrors(t *testing.T) {
	p := mkPeer(7)
	show := func(layer string, err error) {
		t.Helper()
		if err == nil {
			t.Fatalf("%s: expected an error", layer)
		}
		var cnt *rcmgr.ErrStreamOrConnLimitExceeded
		var mem *rcmgr.ErrMemoryLimitExceeded
		t.Logf("ERR %-16s is=%v count=%v mem=%v %q", layer,
			errors.Is(err, network.ErrResourceLimitExceeded), errors.As(err, &cnt), errors.As(err, &mem), err)
	}
	with := func(mod func(*rcmgr.PartialLimitConfig), opts ...rcmgr.Option) network.ResourceManager {
		cfg := finite()
		mod(&cfg)
		return newMgr(t, cfg.Build(rcmgr.InfiniteLimits), false, opts...)
	}
	nop := func(*rcmgr.PartialLimitConfig) {}

	rm := with(func(c *rcmgr.PartialLimitConfig) { c.System.Conns = rcmgr.BlockAllLimit })
	_, err := rm.OpenConnection(network.DirInbound, true, loopback)
	show("conn/system", err)

	rm = with(func(c *rcmgr.PartialLimitConfig) { c.Transient.FD = rcmgr.BlockAllLimit })
	_, err = rm.OpenConnection(network.DirOutbound, true, loopback)
	show("fd/transient", err)

	rm = with(func(c *rcmgr.PartialLimitConfig) { c.PeerDefault.ConnsInbound = rcmgr.BlockAllLimit })
	c, err := rm.OpenConnection(network.DirInbound, true, loopback)
	must(t, err)
	show("setPeer", c.SetPeer(p))
	c.Done()

	rm = with(func(c *rcmgr.PartialLimitConfig) { c.ProtocolDefault.Streams = rcmgr.BlockAllLimit })
	s, err := rm.OpenStream(p, network.DirInbound)
	must(t, err)
	show("setProtocol", s.SetProtocol(protoName))
	show("svc-before-proto", s.SetService(svcName))
	s.Done()

	rm = with(func(c *rcmgr.PartialLimitConfig) { c.ProtocolPeerDefault.Streams = rcmgr.BlockAllLimit })
	s, err = rm.OpenStream(p, network.DirInbound)
	must(t, err)
	show("protocol-peer", s.SetProtocol(protoName))
	s.Done()

	rm = with(func(c *rcmgr.PartialLimitConfig) { c.System.Memory = 1 << 20 })
	s = openServiceStream(t, rm, p)
	show("memory/system", s.ReserveMemory(1<<19, network.ReservationPriorityLow))
	s.Done()
	show("closed", s.ReserveMemory(1, network.ReservationPriorityAlways))

	rm = with(nop, rcmgr.WithLimitPerSubnet([]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: 0}}, nil))
	_, err = rm.OpenConnection(network.DirInbound, true, public)
	show("per-ip", err)

	rm = with(nop, rcmgr.WithConnRateLimiters(&rate.Limiter{GlobalLimit: rate.Limit{RPS: 1e-9, Burst: 0}}))
	_, err = rm.OpenConnection(network.DirInbound, true, public)
	show("rate", err)
}

// blameOf names the scope that refused and what it refused: "protocol-peer inbound stream".
func blameOf(err error) string {
	parts := strings.Split(err.Error(), ": ")
	what, at := "memory", len(parts)-2
	if rest, ok := strings.CutPrefix(parts[at], "cannot reserve "); ok {
		what, at = rest, at-1
	}
	name := parts[at]
	class, _, _ := strings.Cut(name, ":")
	if i := strings.Index(name, ".peer:"); i >= 0 {
		class += "-peer"
	} else if strings.Contains(name, ".span-") {
		class = "span"
	} else if strings.HasPrefix(name, "conn-") {
		class = "conn"
	} else if strings.HasPrefix(name, "stream-") {
		class = "stream"
	}
	return class + " " + what
}

// BenchmarkChurnN: one lifecycle for a random one of N peers that hold a connection.
func BenchmarkChurnN(b *testing.B) {
	for _, peers := range []int{10, 1000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("peers=%d", peers), func(b *testing.B) {
			rm := newMgr(b, finite().Build(rcmgr.InfiniteLimits), false)
			live := populate(b, rm, peers, 0)
			ids := make([]peer.ID, peers)
			for i := range ids {
				ids[i] = mkPeer(i)
			}
			r := rng(1)
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				if err := lifecycle(rm, ids[int(r.next()%uint32(peers))], loopback); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			live.done()
		})
	}
}
