// The franz-go driver of `cargo xtask bench`; ../README.md has its command line and its output.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	opts := parseOptions()
	if opts.threads > 0 {
		runtime.GOMAXPROCS(opts.threads)
	}
	load := newWorkload(opts)
	settings := []kgo.Opt{
		kgo.SeedBrokers(opts.bootstrap),
		// Idempotent with five requests in flight, retries without end and murmur2 for keys: its defaults.
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(time.Duration(opts.lingerMs) * time.Millisecond),
		// A record that is larger than a batch is refused, not sent in a batch of its own.
		kgo.ProducerBatchMaxBytes(int32(max(opts.batchBytes, load.largestRecord()))),
		kgo.ProducerBatchCompression(compression(opts.codec)),
		// The fewer records it holds, the cheaper it is: 10,000 cost a fifth less CPU than its default of 50,000.
		kgo.MaxBufferedRecords(10_000),
		kgo.MaxBufferedBytes(32 << 20),
		kgo.DisableClientMetrics(),
	}
	if opts.transaction > 0 {
		settings = append(settings, kgo.TransactionalID("bench-franz-go"))
	}
	if opts.tls != "" {
		settings = append(settings, kgo.DialTLSConfig(tlsConfig(opts.tls)))
	}
	client, err := kgo.NewClient(settings...)
	if err != nil {
		fail(err)
	}
	defer client.Close()
	if opts.transaction > 0 {
		warmUp := *opts
		warmUp.records = 1
		sendTransactions(client, load, &warmUp)
		cpu, start := cpuSeconds(), time.Now()
		outcome := sendTransactions(client, load, opts)
		outcome.print(time.Since(start), cpuSeconds()-cpu)
		return
	}
	for number := range load.topics {
		if err := client.ProduceSync(context.Background(), load.record(number)).FirstErr(); err != nil {
			fail(err)
		}
	}
	send := map[string]func(*kgo.Client, *workload, *options) tally{"all": sendAll, "each": sendEach, "rate": sendAtRate}
	cpu, start := cpuSeconds(), time.Now()
	outcome := send[opts.await](client, load, opts)
	outcome.print(time.Since(start), cpuSeconds()-cpu)
}

// sendAll pipelines: the client's limit on buffered bytes is what holds the senders back.
func sendAll(client *kgo.Client, load *workload, opts *options) tally {
	var outcome tally
	// Records go back to where they come from, as franz-go's own benchmark does with --pool.
	pool := sync.Pool{New: func() any { return new(kgo.Record) }}
	done := make(chan struct{})
	// The client calls promises one after the other.
	promise := func(record *kgo.Record, err error) {
		pool.Put(record)
		outcome.count(err)
		if outcome.acknowledged+outcome.errors == opts.records {
			close(done)
		}
	}
	ctx := context.Background()
	eachTask(opts, func(_, first, count int) {
		for number := first; number < first+count; number++ {
			record := pool.Get().(*kgo.Record)
			load.fill(record, number)
			client.Produce(ctx, record, promise)
		}
	})
	<-done
	return outcome
}

// sendEach awaits every record before the next.
func sendEach(client *kgo.Client, load *workload, opts *options) tally {
	var mutex sync.Mutex
	var outcome tally
	eachTask(opts, func(_, first, count int) {
		var own tally
		for number := first; number < first+count; number++ {
			record := load.record(number)
			before := time.Now()
			err := client.ProduceSync(context.Background(), record).FirstErr()
			own.latency(time.Since(before))
			own.count(err)
		}
		mutex.Lock()
		defer mutex.Unlock()
		outcome.merge(own)
	})
	return outcome
}

// sendAtRate sends each record when its time has come, however long the ones before it take.
func sendAtRate(client *kgo.Client, load *workload, opts *options) tally {
	outcome := tally{latencies: make([]time.Duration, 0, opts.records)}
	var outstanding sync.WaitGroup
	outstanding.Add(opts.records)
	start := time.Now()
	eachTask(opts, func(task, first, count int) {
		pace := newPace(start, opts, task)
		for i := range count {
			intended := pace.await(i)
			client.Produce(context.Background(), load.record(first+i), func(_ *kgo.Record, err error) {
				// The client calls promises one after the other.
				outcome.latency(time.Since(intended))
				outcome.count(err)
				outstanding.Done()
			})
		}
	})
	outstanding.Wait()
	return outcome
}

// eachTask shares the records out among the senders, and waits for those to end.
func eachTask(opts *options, send func(task, first, count int)) {
	var senders sync.WaitGroup
	first := 0
	for task := range opts.tasks {
		count := opts.records / opts.tasks
		if task < opts.records%opts.tasks {
			count++
		}
		senders.Add(1)
		go func(first int) {
			defer senders.Done()
			send(task, first, count)
		}(first)
		first += count
	}
	senders.Wait()
}

func tlsConfig(file string) *tls.Config {
	trusted, err := os.ReadFile(file)
	if err != nil {
		fail(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(trusted) {
		usage("--tls " + file + ": there is no certificate in it")
	}
	return &tls.Config{RootCAs: roots}
}

func compression(codec string) kgo.CompressionCodec {
	switch codec {
	case "none":
		return kgo.NoCompression()
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	}
	usage("--codec: none, gzip, snappy, lz4 or zstd")
	panic("unreachable")
}

func usage(problem string) {
	fmt.Fprintln(os.Stderr, problem)
	os.Exit(2)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
