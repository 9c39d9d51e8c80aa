// The franz-go driver of `cargo xtask bench`: sends records without keys as fast as it can, and
// prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type result struct {
	Records              int     `json:"records"`
	Seconds              float64 `json:"seconds"`
	RecordsPerSecond     float64 `json:"records_per_s"`
	CPUSecondsPerMillion float64 `json:"cpu_seconds_per_million"`
	PeakRSSBytes         int64   `json:"peak_rss_bytes"`
	Errors               int64   `json:"errors"`
}

func main() {
	bootstrap := flag.String("bootstrap", "", "HOST:PORT")
	topic := flag.String("topic", "bench", "")
	records := flag.Int("records", 1_000_000, "")
	size := flag.Int("size", 100, "bytes of a value")
	lingerMs := flag.Int("linger-ms", 5, "")
	batchBytes := flag.Int("batch-bytes", 16384, "")
	codec := flag.String("codec", "none", "none, gzip, snappy, lz4 or zstd")
	flag.Parse()

	codecs := map[string]kgo.CompressionCodec{
		"none":   kgo.NoCompression(),
		"gzip":   kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(),
		"lz4":    kgo.Lz4Compression(),
		"zstd":   kgo.ZstdCompression(),
	}
	compression, known := codecs[*codec]
	if !known {
		fail(fmt.Errorf("no codec %q", *codec))
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(*bootstrap),
		kgo.DefaultProduceTopic(*topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(time.Duration(*lingerMs)*time.Millisecond),
		kgo.ProducerBatchMaxBytes(int32(*batchBytes)),
		kgo.ProducerBatchCompression(compression),
		kgo.MaxBufferedRecords(100_000),
	)
	if err != nil {
		fail(err)
	}
	payloads := makePayloads(*size)
	var acknowledged, errors atomic.Int64
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			errors.Add(1)
		} else {
			acknowledged.Add(1)
		}
	}

	ctx := context.Background()
	cpu, start := cpuSeconds(), time.Now()
	for i := range *records {
		client.Produce(ctx, kgo.SliceRecord(payloads[i%len(payloads)]), promise)
	}
	if err := client.Flush(ctx); err != nil {
		fail(err)
	}
	seconds, cpu := time.Since(start).Seconds(), cpuSeconds()-cpu
	done := int(acknowledged.Load())
	json.NewEncoder(os.Stdout).Encode(result{
		Records:              done,
		Seconds:              seconds,
		RecordsPerSecond:     float64(done) / seconds,
		CPUSecondsPerMillion: cpu / float64(done) * 1e6,
		PeakRSSBytes:         usage().Maxrss * 1024,
		Errors:               errors.Load(),
	})
	client.Close()
}

// makePayloads makes values as the other drivers do: JSON of exactly size bytes.
func makePayloads(size int) [][]byte {
	const count = 4096
	state := uint64(42)
	payloads := make([][]byte, count)
	for i := range payloads {
		text := []byte(fmt.Sprintf(`{"id":%d,"user":"`, i))
		for len(text) < size-2 {
			state = state*6364136223846793005 + 1442695040888963407
			text = append(text, fmt.Sprintf("%08x-", state>>32)...)
		}
		if size >= 2 {
			text = append(text[:size-2], `"}`...)
		}
		payloads[i] = text[:size]
	}
	return payloads
}

func cpuSeconds() float64 {
	u := usage()
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func usage() syscall.Rusage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fail(err)
	}
	return u
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
