// The driver of Kafka's own Java client for `cargo xtask bench`; ../README.md has its command line and its output.

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class BenchProducer {
    private static final Map<String, String> DEFAULTS = new HashMap<>();

    static {
        for (String pair : ("bootstrap= topic=bench topics=0 records=1000000 size=100 linger-ms=5 batch-bytes=16384 codec=none keys=none "
            + "headers=0 tasks=1 await=all rate=10000 partitions=0 threads=0 transaction=0 tls=").split(" ")) {
            DEFAULTS.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
        }
    }

    /** One producer, and what it is to send; everything is made before the clock starts. */
    private final KafkaProducer<byte[], byte[]> producer;
    private final String[] topics;
    private final byte[][] payloads;
    private final byte[][] keys;
    private final List<Header> headers = new ArrayList<>();
    private final int tasks;
    private final double rate;

    /** What came of the records. The producer calls callbacks one after the other, and `flush` and `get` return after them. */
    private static final class Outcome {
        final long[] latencies;
        final AtomicInteger acknowledged = new AtomicInteger();
        final AtomicInteger errors = new AtomicInteger();
        private final AtomicInteger noted = new AtomicInteger();

        Outcome(int latencies) {
            this.latencies = new long[latencies];
        }

        void count(Exception error) {
            if (error == null) {
                // One thread writes: no need of a locked instruction.
                acknowledged.setRelease(acknowledged.getPlain() + 1);
            } else {
                fail(error);
            }
        }

        void fail(Exception error) {
            if (errors.incrementAndGet() == 1) {
                System.err.println("the first error: " + error);
            }
        }

        void note(long nanos) {
            latencies[noted.getAndIncrement()] = nanos;
        }

        String latencyJson() {
            int count = noted.get();
            if (count == 0) {
                return "null";
            }
            Arrays.sort(latencies, 0, count);
            StringBuilder json = new StringBuilder("{");
            double[] shares = {.5, .9, .99, .999, 1};
            String[] names = {"p50", "p90", "p99", "p999", "max"};
            for (int i = 0; i < shares.length; i++) {
                int rank = Math.max(1, (int) Math.ceil(shares[i] * count));
                json.append(i == 0 ? "" : ",").append('"').append(names[i]).append("\":").append(latencies[rank - 1] / 1e3);
            }
            return json.append('}').toString();
        }
    }

    /** Sends the records `first` to `first + count - 1` of sender number `task`. */
    private interface Sender {
        void send(int task, int first, int count) throws Exception;
    }

    public static void main(String[] args) throws Exception {
        BenchProducer bench = null;
        Map<String, String> options = new HashMap<>(DEFAULTS);
        try {
            for (int i = 0; i < args.length; i += 2) {
                String name = args[i].startsWith("--") ? args[i].substring(2) : args[i];
                if (!args[i].startsWith("--") || !DEFAULTS.containsKey(name)) {
                    throw new IllegalArgumentException("`" + args[i] + "` means nothing here");
                }
                if (i + 1 == args.length) {
                    throw new IllegalArgumentException(args[i] + " wants a value");
                }
                options.put(name, args[i + 1]);
            }
            if (!List.of("all", "each", "rate").contains(options.get("await"))) {
                throw new IllegalArgumentException("--await: all, each or rate");
            }
            if (Integer.parseInt(options.get("records")) < 1) {
                throw new IllegalArgumentException("--records: at least 1");
            }
            bench = new BenchProducer(options);
        } catch (IllegalArgumentException | org.apache.kafka.common.KafkaException error) {
            System.err.println(error.getMessage());
            System.exit(2);
        }
        int records = Integer.parseInt(options.get("records"));
        int each = Integer.parseInt(options.get("transaction"));
        if (each > 0) {
            bench.runTransactions(records, each);
        } else {
            bench.run(options.get("await"), records);
        }
        bench.producer.close();
    }

    private BenchProducer(Map<String, String> options) {
        tasks = Integer.parseInt(options.get("tasks"));
        rate = Double.parseDouble(options.get("rate"));
        int topicCount = Integer.parseInt(options.get("topics"));
        int size = Integer.parseInt(options.get("size"));
        int headerCount = Integer.parseInt(options.get("headers"));
        if (tasks < 1 || !(rate > 0) || topicCount < 0 || size < 0 || headerCount < 0) {
            throw new IllegalArgumentException("a number is out of range");
        }
        topics = new String[Math.max(topicCount, 1)];
        for (int i = 0; i < topics.length; i++) {
            topics[i] = topicCount == 0 ? options.get("topic") : options.get("topic") + "-" + i;
        }
        payloads = payloads(size);
        if (!List.of("none", "16").contains(options.get("keys"))) {
            throw new IllegalArgumentException("--keys: none or 16");
        }
        keys = new byte[options.get("keys").equals("16") ? 100_000 : 0][];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = String.format("key-%012d", i).getBytes(StandardCharsets.UTF_8);
        }
        for (int i = 0; i < headerCount; i++) {
            headers.add(new RecordHeader("header-" + i, "0123456789abcdef".getBytes(StandardCharsets.UTF_8)));
        }
        Properties config = new Properties();
        config.put("bootstrap.servers", options.get("bootstrap"));
        config.put("acks", "all");
        config.put("enable.idempotence", "true");
        config.put("max.in.flight.requests.per.connection", "5");
        config.put("buffer.memory", String.valueOf(32 << 20));
        config.put("linger.ms", options.get("linger-ms"));
        config.put("batch.size", options.get("batch-bytes"));
        config.put("compression.type", options.get("codec"));
        config.put("max.request.size", String.valueOf((1 << 20) + size));
        if (!options.get("tls").isEmpty()) {
            config.put("security.protocol", "SSL");
            config.put("ssl.truststore.type", "PEM");
            config.put("ssl.truststore.location", options.get("tls"));
        }
        config.put("enable.metrics.push", "false");
        config.put("metric.reporters", "");
        if (!options.get("transaction").equals("0")) {
            config.put("transactional.id", "bench-java");
        }
        producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** Transactions of so many records, one after the other; a commit flushes, and fails where a record did. */
    private void runTransactions(int records, int each) throws Exception {
        producer.initTransactions();
        // So that the code is compiled: as long as it will be measured.
        transactions(records, each);
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = system.getProcessCpuTime();
        long start = System.nanoTime();
        transactions(records, each);
        double seconds = (System.nanoTime() - start) / 1e9;
        double cpuSeconds = (system.getProcessCpuTime() - cpu) / 1e9;
        print(records, 0, seconds, cpuSeconds, "null");
    }

    private void transactions(int records, int each) {
        for (int first = 0; first < records; first += each) {
            producer.beginTransaction();
            for (int number = first; number < Math.min(first + each, records); number++) {
                producer.send(record(number));
            }
            producer.commitTransaction();
        }
    }

    private void run(String await, int records) throws Exception {
        // Pipelined whatever the mode, so that the code is compiled; then as it will be measured.
        long bytes = Math.max(1, payloads[0].length);
        int warmUp = (int) Math.min(Math.max(records / 10, 200_000), Math.max(10, (1L << 30) / bytes));
        share(Math.max(warmUp, topics.length), all(new Outcome(0)));
        producer.flush();
        if (await.equals("each")) {
            share(Math.min(records, 10_000), each(new Outcome(10_000)));
        } else if (await.equals("rate")) {
            int second = (int) Math.min(records, Math.ceil(rate));
            share(second, atRate(new Outcome(second)));
            producer.flush();
        }

        Outcome outcome = new Outcome(await.equals("all") ? 0 : records);
        Sender sender = switch (await) {
            case "each" -> each(outcome);
            case "rate" -> atRate(outcome);
            default -> all(outcome);
        };
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = system.getProcessCpuTime();
        long start = System.nanoTime();
        share(records, sender);
        producer.flush();
        double seconds = (System.nanoTime() - start) / 1e9;
        double cpuSeconds = (system.getProcessCpuTime() - cpu) / 1e9;
        print(outcome.acknowledged.get(), outcome.errors.get(), seconds, cpuSeconds, outcome.latencyJson());
    }

    private static void print(int acknowledged, int errors, double seconds, double cpuSeconds, String latencies) throws java.io.IOException {
        System.out.println("{\"records\":" + acknowledged + ",\"seconds\":" + seconds
            + ",\"records_per_s\":" + acknowledged / seconds
            + ",\"cpu_seconds_per_million\":" + cpuSeconds / Math.max(acknowledged, 1) * 1e6
            + ",\"peak_rss_bytes\":" + peakRss() + ",\"errors\":" + errors
            + ",\"latency_us\":" + latencies + ",\"requests\":null,\"mean_batch_bytes\":null}");
    }

    /** Pipelined: the producer's own buffer is what holds the senders back. */
    private Sender all(Outcome outcome) {
        Callback callback = (metadata, error) -> outcome.count(error);
        return (task, first, count) -> {
            for (int number = first; number < first + count; number++) {
                producer.send(record(number), callback);
            }
        };
    }

    /** Every record awaited before the next. */
    private Sender each(Outcome outcome) {
        return (task, first, count) -> {
            for (int number = first; number < first + count; number++) {
                ProducerRecord<byte[], byte[]> record = record(number);
                long before = System.nanoTime();
                try {
                    producer.send(record).get();
                    outcome.note(System.nanoTime() - before);
                    outcome.acknowledged.incrementAndGet();
                } catch (ExecutionException error) {
                    outcome.fail(error);
                }
            }
        };
    }

    /** Each record when its time has come, however long the ones before it take; the senders alternate. */
    private Sender atRate(Outcome outcome) {
        long start = System.nanoTime();
        return (task, first, count) -> {
            sleepPrecisely();
            for (int i = 0; i < count; i++) {
                long intended = start + (long) (((long) i * tasks + task) / rate * 1e9);
                for (long wait = intended - System.nanoTime(); wait > 0; wait = intended - System.nanoTime()) {
                    LockSupport.parkNanos(wait);
                }
                producer.send(record(first + i), (metadata, error) -> {
                    outcome.note(System.nanoTime() - intended);
                    outcome.count(error);
                });
            }
        };
    }

    /** Shares the records out among the senders, each on a thread of its own, and waits for those to end. */
    private void share(int records, Sender sender) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        int first = 0;
        for (int i = 0; i < tasks; i++) {
            int task = i;
            int from = first;
            int count = records / tasks + (task < records % tasks ? 1 : 0);
            first += count;
            Thread thread = new Thread(() -> {
                try {
                    sender.send(task, from, count);
                } catch (Exception error) {
                    error.printStackTrace();
                    System.exit(1);
                }
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private ProducerRecord<byte[], byte[]> record(int number) {
        String topic = topics[number % topics.length];
        byte[] key = keys.length == 0 ? null : keys[number % keys.length];
        byte[] value = payloads[number % payloads.length];
        if (headers.isEmpty()) {
            return new ProducerRecord<>(topic, key, value);
        }
        return new ProducerRecord<>(topic, null, key, value, headers);
    }

    /** Values as the other drivers make them: JSON of exactly `size` bytes; 4,096 of them, or as many as 64 MiB hold. */
    private static byte[][] payloads(int size) {
        long state = 42;
        byte[][] payloads = new byte[Math.min(4096, Math.max(1, (64 << 20) / Math.max(size, 1)))][];
        for (int i = 0; i < payloads.length; i++) {
            StringBuilder text = new StringBuilder("{\"id\":" + i + ",\"user\":\"");
            while (text.length() + 2 < size) {
                state = state * 6364136223846793005L + 1442695040888963407L;
                String hex = Long.toHexString(state >>> 32);
                text.append("00000000", 0, 8 - hex.length()).append(hex).append('-');
            }
            if (size >= 2) {
                text.setLength(size - 2);
                text.append("\"}");
            }
            text.setLength(size);
            payloads[i] = text.toString().getBytes(StandardCharsets.US_ASCII);
        }
        return payloads;
    }

    /** Lets this thread's sleeps end when they should; Linux adds 50 µs otherwise. */
    private static void sleepPrecisely() {
        try {
            Path thread = Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName();
            Files.writeString(Path.of("/proc/" + thread + "/timerslack_ns"), "1");
        } catch (java.io.IOException error) {
            System.err.println("sleeps will be late by 50 µs: " + error);
        }
    }

    private static long peakRss() throws java.io.IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        return 0;
    }
}
