// What Sarama's partitioners say to keys.
//
// Each line of standard input is a key in hexadecimal digits, "-" for none, and a number of partitions. For each, a line has the partitions of
// NewHashPartitioner, NewReferenceHashPartitioner, NewConsistentCRCHashPartitioner and NewMurmur2Partitioner, "-" where chance decides.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		build, _ := debug.ReadBuildInfo()
		for _, module := range build.Deps {
			if module.Path == "github.com/IBM/sarama" {
				fmt.Println("sarama", module.Version)
			}
		}
		return
	}
	partitioners := []sarama.Partitioner{
		sarama.NewHashPartitioner("keys"),
		sarama.NewReferenceHashPartitioner("keys"),
		sarama.NewConsistentCRCHashPartitioner("keys"),
		sarama.NewMurmur2Partitioner("keys"),
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for in.Scan() {
		key, number, _ := strings.Cut(in.Text(), " ")
		message := &sarama.ProducerMessage{}
		if key != "-" {
			bytes, err := hex.DecodeString(key)
			if err != nil {
				log.Fatal(err)
			}
			message.Key = sarama.ByteEncoder(bytes)
		}
		count, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			log.Fatal(err)
		}
		for place, partitioner := range partitioners {
			if place > 0 {
				fmt.Fprint(out, " ")
			}
			fmt.Fprint(out, ask(partitioner, message, int32(count)))
		}
		fmt.Fprintln(out)
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

func ask(partitioner sarama.Partitioner, message *sarama.ProducerMessage, count int32) string {
	// Chance gives the same ten times in a row once in 10^54.
	first := partition(partitioner, message, 1_000_000)
	for range 9 {
		if partition(partitioner, message, 1_000_000) != first {
			return "-"
		}
	}
	return strconv.Itoa(int(partition(partitioner, message, count)))
}

func partition(partitioner sarama.Partitioner, message *sarama.ProducerMessage, count int32) int32 {
	partition, err := partitioner.Partition(message, count)
	if err != nil {
		log.Fatal(err)
	}
	return partition
}
