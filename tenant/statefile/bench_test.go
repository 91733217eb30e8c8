package statefile_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/corsgate/corsgate/tenant/statefile"
)

const registrySize = 100_000

func fillRegistry(b *testing.B, dir string) {
	b.Helper()
	session(b, dir, func(f *statefile.File) {
		data := bytes.Repeat([]byte("d"), 600)
		for i := range registrySize {
			f.Put(fmt.Sprintf("tenant-%06d", i), data)
		}
		f.Commit(at(1))
	})
}

// BenchmarkLoad loads 100,000 documents of 600 bytes.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	fillRegistry(b, dir)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if _, err := open(b, dir, nil).Load(func(string, []byte) { n++ }); err != nil || n != registrySize {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkRemake writes the log of 100,000 documents anew, without a bound on the rate.
func BenchmarkRemake(b *testing.B) {
	dir := b.TempDir()
	fillRegistry(b, dir)
	b.ReportAllocs()
	for b.Loop() {
		f := open(b, dir, nil)
		if _, err := read(f); err != nil {
			b.Fatal(err)
		}
		f.CompactNow(b)
	}
}

func BenchmarkPut(b *testing.B) {
	f := open(b, b.TempDir(), nil)
	data := bytes.Repeat([]byte("d"), 600)
	ids := make([]string, registrySize)
	for i := range ids {
		ids[i] = fmt.Sprintf("tenant-%06d", i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f.Put(ids[i%len(ids)], data)
		i++
	}
}

// BenchmarkCommit commits 100,000 changes over 100,000 that wait.
func BenchmarkCommit(b *testing.B) {
	f := open(b, b.TempDir(), nil)
	data := bytes.Repeat([]byte("d"), 600)
	for b.Loop() {
		b.StopTimer()
		for i := range registrySize {
			f.Put(fmt.Sprintf("tenant-%06d", i), data)
		}
		b.StartTimer()
		f.Commit(at(1))
	}
}
