package rcmgrbench

import (
	"testing"

	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkScrape: what Prometheus asks for, with 10 000 live peers. Gathered, not written out as text.
func BenchmarkScrape(b *testing.B) {
	registry := prometheus.NewRegistry()
	rcmgr.MustRegisterWith(registry)
	rm := newMgr(b, finite().Build(rcmgr.InfiniteLimits), true)
	live := populate(b, rm, 10_000, 1)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if _, err := registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	live.done()
}
