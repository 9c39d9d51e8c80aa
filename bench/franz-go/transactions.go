package main

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sendTransactions commits all records, so many in each transaction, one after the other. To end one does not flush.
func sendTransactions(client *kgo.Client, load *workload, opts *options) tally {
	var outcome tally
	pool := sync.Pool{New: func() any { return new(kgo.Record) }}
	// The client calls promises one after the other.
	promise := func(record *kgo.Record, err error) {
		pool.Put(record)
		outcome.count(err)
	}
	ctx := context.Background()
	for first := 0; first < opts.records; first += opts.transaction {
		if err := client.BeginTransaction(); err != nil {
			fail(err)
		}
		for number := first; number < min(first+opts.transaction, opts.records); number++ {
			record := pool.Get().(*kgo.Record)
			load.fill(record, number)
			client.Produce(ctx, record, promise)
		}
		if err := client.Flush(ctx); err != nil {
			fail(err)
		}
		if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
			fail(err)
		}
	}
	return outcome
}
