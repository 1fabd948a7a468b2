// Looks up addresses in a prefix table of github.com/gaissmai/bart. Prefixes and addresses come from files, so that both
// programs of the benchmark use the same; times are those of batches of 100 lookups, as in the other rows.
package gater

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sort"
	"testing"
	"time"

	"github.com/gaissmai/bart"
)

const batch = 100

func lines(name string) []string {
	file, err := os.Open(name)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	var all []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		all = append(all, scanner.Text())
	}
	return all
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestLookup(t *testing.T) {
	texts := lines(os.Getenv("GATER_PREFIXES"))
	var addresses []netip.Addr
	for _, text := range lines(os.Getenv("GATER_ADDRESSES")) {
		addresses = append(addresses, netip.MustParseAddr(text))
	}
	before := heap()
	began := time.Now()
	table := new(bart.Table[bool])
	for _, text := range texts {
		table.Insert(netip.MustParsePrefix(text).Masked(), true)
	}
	load := time.Since(began)
	bytes := heap() - before
	var samples []float64
	found := 0
	end := time.Now().Add(2 * time.Second)
	for round := 0; round < 3 || time.Now().Before(end); round++ {
		for at := 0; at+batch <= len(addresses); at += batch {
			start := time.Now()
			for _, address := range addresses[at : at+batch] {
				if _, ok := table.Lookup(address); ok {
					found++
				}
			}
			if round > 0 {
				samples = append(samples, float64(time.Since(start).Nanoseconds())/batch)
			}
		}
	}
	sort.Float64s(samples)
	fmt.Printf("RESULT {\"p50Ns\":%.1f,\"p99Ns\":%.1f,\"bytes\":%d,\"loadMs\":%.1f,\"found\":%d}\n", samples[len(samples)/2], samples[len(samples)*99/100], bytes, load.Seconds()*1000, found)
	runtime.KeepAlive(table)
}
