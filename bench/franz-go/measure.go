package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// tally is what came of the records.
type tally struct {
	acknowledged, errors int
	latencies            []time.Duration
}

func (t *tally) count(err error) {
	if err == nil {
		t.acknowledged++
		return
	}
	if t.errors++; t.errors == 1 {
		fmt.Fprintln(os.Stderr, "the first error:", err)
	}
}

func (t *tally) latency(latency time.Duration) {
	t.latencies = append(t.latencies, latency)
}

func (t *tally) merge(other tally) {
	t.acknowledged += other.acknowledged
	t.errors += other.errors
	t.latencies = append(t.latencies, other.latencies...)
}

// print prints the line that every driver prints.
func (t *tally) print(elapsed time.Duration, cpu float64) {
	seconds, records := elapsed.Seconds(), float64(max(t.acknowledged, 1))
	json.NewEncoder(os.Stdout).Encode(struct {
		Records        int                `json:"records"`
		Seconds        float64            `json:"seconds"`
		PerSecond      float64            `json:"records_per_s"`
		CPUPerMillion  float64            `json:"cpu_seconds_per_million"`
		PeakRSSBytes   int64              `json:"peak_rss_bytes"`
		Errors         int                `json:"errors"`
		LatencyUs      map[string]float64 `json:"latency_us"`
		Requests       *int               `json:"requests"`
		MeanBatchBytes *float64           `json:"mean_batch_bytes"`
	}{
		Records:       t.acknowledged,
		Seconds:       seconds,
		PerSecond:     float64(t.acknowledged) / seconds,
		CPUPerMillion: cpu / records * 1e6,
		PeakRSSBytes:  rusage().Maxrss * 1024,
		Errors:        t.errors,
		LatencyUs:     percentiles(t.latencies),
	})
}

func percentiles(latencies []time.Duration) map[string]float64 {
	if len(latencies) == 0 {
		return nil
	}
	slices.Sort(latencies)
	at := func(share float64) float64 {
		rank := int(math.Ceil(share * float64(len(latencies))))
		return float64(latencies[max(rank, 1)-1].Nanoseconds()) / 1e3
	}
	return map[string]float64{"p50": at(.5), "p90": at(.9), "p99": at(.99), "p999": at(.999), "max": at(1)}
}

// pace gives one sender the times at which it has to send: those of all senders alternate.
type pace struct {
	start       time.Time
	rate        float64
	task, tasks int
}

// newPace keeps the calling goroutine on a thread of its own whose sleeps end when they should: Go's own timers are
// late by up to a millisecond, and Linux adds 50 µs to everyone's.
func newPace(start time.Time, o *options, task int) *pace {
	runtime.LockOSThread()
	slack := fmt.Sprintf("/proc/%d/timerslack_ns", syscall.Gettid())
	if err := os.WriteFile(slack, []byte("1"), 0); err != nil {
		fmt.Fprintln(os.Stderr, "sleeps will be late by 50 µs:", err)
	}
	return &pace{start: start, rate: o.rate, task: task, tasks: o.tasks}
}

// await sleeps until the sender's record number i is due, and gives the time at which it was.
func (p *pace) await(i int) time.Time {
	intended := p.start.Add(time.Duration(float64(i*p.tasks+p.task) / p.rate * 1e9))
	for wait := time.Until(intended); wait > 0; wait = time.Until(intended) {
		span := syscall.NsecToTimespec(wait.Nanoseconds())
		syscall.Nanosleep(&span, nil)
	}
	return intended
}

func cpuSeconds() float64 {
	u := rusage()
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func rusage() syscall.Rusage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fail(err)
	}
	return u
}
