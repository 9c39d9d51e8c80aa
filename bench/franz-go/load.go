package main

import (
	"flag"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// options are the command line of every driver.
type options struct {
	bootstrap, topic, codec, keys, await, tls    string
	records, size, lingerMs, batchBytes, headers int
	tasks, topics, partitions, threads           int
	transaction                                  int
	rate                                         float64
}

func parseOptions() *options {
	o := new(options)
	flag.StringVar(&o.bootstrap, "bootstrap", "", "HOST:PORT")
	flag.StringVar(&o.topic, "topic", "bench", "")
	flag.StringVar(&o.codec, "codec", "none", "none, gzip, snappy, lz4 or zstd")
	flag.StringVar(&o.keys, "keys", "none", "none or 16")
	flag.StringVar(&o.await, "await", "all", "all, each or rate")
	flag.StringVar(&o.tls, "tls", "", "speak TLS, and trust the certificates in this file")
	flag.IntVar(&o.records, "records", 1_000_000, "")
	flag.IntVar(&o.size, "size", 100, "bytes of a value")
	flag.IntVar(&o.lingerMs, "linger-ms", 5, "")
	flag.IntVar(&o.batchBytes, "batch-bytes", 16384, "")
	flag.IntVar(&o.headers, "headers", 0, "")
	flag.IntVar(&o.tasks, "tasks", 1, "")
	flag.IntVar(&o.topics, "topics", 0, "how many: NAME-0 and so on; 0: the topic itself")
	flag.Float64Var(&o.rate, "rate", 10_000, "records per second")
	flag.IntVar(&o.partitions, "partitions", 0, "what the target's topics have; nothing here")
	flag.IntVar(&o.threads, "threads", 0, "GOMAXPROCS; 0: Go's own choice")
	flag.IntVar(&o.transaction, "transaction", 0, "records of each transaction; 0: none")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		usage(fmt.Sprintf("`%s` means nothing here", flag.Arg(0)))
	case o.bootstrap == "":
		usage("--bootstrap HOST:PORT is wanted")
	case o.keys != "none" && o.keys != "16":
		usage("--keys: none or 16")
	case o.await != "all" && o.await != "each" && o.await != "rate":
		usage("--await: all, each or rate")
	case o.records < 1 || o.size < 0 || o.lingerMs < 0 || o.batchBytes < 1 || o.headers < 0 ||
		o.tasks < 1 || o.topics < 0 || !(o.rate > 0) || o.threads < 0 || o.transaction < 0:
		usage("a number is out of range")
	}
	return o
}

// workload is what to send, made before the clock starts.
type workload struct {
	topics   []string
	payloads [][]byte
	keys     [][]byte
	headers  []kgo.RecordHeader
}

func newWorkload(o *options) *workload {
	l := &workload{topics: []string{o.topic}, payloads: makePayloads(o.size)}
	if o.topics > 0 {
		l.topics = nil
		for i := range o.topics {
			l.topics = append(l.topics, o.topic+"-"+strconv.Itoa(i))
		}
	}
	if o.keys == "16" {
		for i := range 100_000 {
			l.keys = append(l.keys, fmt.Appendf(nil, "key-%012d", i))
		}
	}
	for i := range o.headers {
		header := kgo.RecordHeader{Key: "header-" + strconv.Itoa(i), Value: []byte("0123456789abcdef")}
		l.headers = append(l.headers, header)
	}
	return l
}

func (l *workload) record(number int) *kgo.Record {
	record := new(kgo.Record)
	l.fill(record, number)
	return record
}

func (l *workload) fill(record *kgo.Record, number int) {
	*record = kgo.Record{
		Topic:   l.topics[number%len(l.topics)],
		Value:   l.payloads[number%len(l.payloads)],
		Headers: l.headers,
	}
	if len(l.keys) > 0 {
		record.Key = l.keys[number%len(l.keys)]
	}
}

// largestRecord is at least what a batch of one record takes.
func (l *workload) largestRecord() int {
	return 512 + len(l.payloads[0]) + 64*len(l.headers)
}

// makePayloads makes values as the other drivers do: JSON of exactly size bytes; 4,096 of them, or as many as 64 MiB hold.
func makePayloads(size int) [][]byte {
	count := min(4096, max(1, 64<<20/max(size, 1)))
	state := uint64(42)
	payloads := make([][]byte, count)
	for i := range payloads {
		text := fmt.Appendf(nil, `{"id":%d,"user":"`, i)
		for len(text) < size-2 {
			state = state*6364136223846793005 + 1442695040888963407
			text = fmt.Appendf(text, "%08x-", state>>32)
		}
		if size >= 2 {
			text = append(text[:size-2], `"}`...)
		}
		payloads[i] = text[:size]
	}
	return payloads
}
