// Writes record batches with Apache Kafka's own client, and checks what it reads from others'. See ../README.md.

import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Random;

import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;

public final class GoldenBatches {
    private static final long T0 = 1_700_000_000_000L;
    private static final HexFormat HEX = HexFormat.of();
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.US_ASCII);

    public static void main(String[] args) throws Exception {
        if (args.length == 1 && args[0].equals("write")) {
            write();
        } else if (args.length == 1 && args[0].equals("write-legacy")) {
            writeLegacy();
        } else if (args.length == 3 && args[0].equals("random")) {
            random(new Random(Long.parseLong(args[1])), Integer.parseInt(args[2]));
        } else if (args.length == 2 && args[0].equals("check")) {
            check(Files.readAllLines(Path.of(args[1])));
        } else {
            System.err.println("usage: GoldenBatches write | write-legacy | random SEED BATCHES | check FILE");
            System.exit(2);
        }
        OUT.flush();
    }

    private static void write() {
        Object[][] codecs = {
            {"none", Compression.NONE},
            {"gzip", Compression.gzip().build()},
            {"gzip-1", Compression.gzip().level(1).build()},
            {"gzip-9", Compression.gzip().level(9).build()},
            {"snappy", Compression.snappy().build()},
            {"lz4", Compression.lz4().build()},
            {"lz4-17", Compression.lz4().level(17).build()},
            {"zstd", Compression.zstd().build()},
            {"zstd-minus-131072", Compression.zstd().level(-131072).build()},
            {"zstd-22", Compression.zstd().level(22).build()},
        };
        for (Object[] codec : codecs) {
            Compression compression = (Compression) codec[1];
            emit("mixed-" + codec[0], mixed(builder(compression, TimestampType.CREATE_TIME, -1, false)));
            emit("many-" + codec[0], many(builder(compression, TimestampType.CREATE_TIME, -1, false)));
            if (compression != Compression.NONE && !codec[0].equals("zstd-minus-131072")) {
                emit("large-" + codec[0], large(builder(compression, TimestampType.CREATE_TIME, -1, false)));
            }
        }
        emit("log-append-time", mixed(builder(Compression.NONE, TimestampType.LOG_APPEND_TIME, -1, false)));
        emit("idempotent", mixed(builder(Compression.NONE, TimestampType.CREATE_TIME, 4_000_000_000_000L, false)));
        emit("transactional-zstd", mixed(builder(Compression.zstd().build(), TimestampType.CREATE_TIME, 7, true)));
        for (ControlRecordType type : List.of(ControlRecordType.COMMIT, ControlRecordType.ABORT)) {
            emit("marker-" + type.name().toLowerCase(), MemoryRecords.withEndTransactionMarker(
                0L, T0, -1, 4_000_000_000_000L, (short) 3, new EndTransactionMarker(type, 11)));
        }
    }

    /** Magic 0 and 1: no headers, and no timestamps in magic 0. */
    private static void writeLegacy() {
        Object[][] codecs = {
            {"none", Compression.NONE}, {"gzip", Compression.gzip().build()},
            {"snappy", Compression.snappy().build()}, {"lz4", Compression.lz4().build()},
        };
        for (byte magic = 0; magic < 2; magic++) {
            for (Object[] codec : codecs) {
                for (TimestampType type : List.of(TimestampType.CREATE_TIME, TimestampType.LOG_APPEND_TIME)) {
                    if (magic == 0 && type == TimestampType.LOG_APPEND_TIME) {
                        continue;
                    }
                    MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1 << 10), magic,
                        (Compression) codec[1], magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : type, 100L, T0 + 5_000);
                    long t = magic == 0 ? RecordBatch.NO_TIMESTAMP : T0;
                    builder.append(t, bytes("key"), bytes("value"));
                    builder.append(t, (byte[]) null, bytes("no key"));
                    builder.append(t, bytes("tombstone"), null);
                    builder.append(t, new byte[0], bytes("repeats ".repeat(300)));
                    emitLegacy("magic-" + magic + "-" + codec[0] + "-" + type, builder.build());
                }
            }
        }
    }

    private static void emitLegacy(String name, MemoryRecords records) {
        ByteBuffer buffer = records.buffer().duplicate();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        OUT.println("== " + name);
        OUT.println(HEX.formatHex(bytes));
        for (RecordBatch batch : records.batches()) {
            batch.ensureValid();
            OUT.println("batch magic=" + batch.magic() + " last=" + batch.lastOffset() + " codec="
                + batch.compressionType().name + " append_time=" + (batch.timestampType() == TimestampType.LOG_APPEND_TIME));
            for (Record record : batch) {
                OUT.println("record " + record.offset() + " " + record.timestamp() + " " + text(record.key()) + " " + text(record.value()));
            }
        }
    }

    /** Random batches in every codec, at random levels. */
    private static void random(Random random, int batches) {
        for (int number = 0; number < batches; number++) {
            String name;
            Compression compression;
            switch (random.nextInt(5)) {
                case 0 -> { name = "none"; compression = Compression.NONE; }
                case 1 -> {
                    int level = 1 + random.nextInt(9);
                    name = "gzip level " + level;
                    compression = Compression.gzip().level(level).build();
                }
                case 2 -> { name = "snappy"; compression = Compression.snappy().build(); }
                case 3 -> {
                    int level = 1 + random.nextInt(17);
                    name = "lz4 level " + level;
                    compression = Compression.lz4().level(level).build();
                }
                default -> {
                    int level = random.nextInt(10) == 0 ? -131_072 + random.nextInt(131_000) : -22 + random.nextInt(45);
                    name = "zstd level " + level;
                    compression = Compression.zstd().level(level).build();
                }
            }
            boolean idempotent = random.nextBoolean();
            boolean appendTime = random.nextInt(8) == 0;
            MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1 << 10), RecordBatch.MAGIC_VALUE_V2,
                compression, appendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME,
                random.nextInt(4) == 0 ? random.nextLong() >>> 2 : 0L, appendTime ? T0 : RecordBatch.NO_TIMESTAMP,
                idempotent ? random.nextLong() >>> 24 : -1, (short) (idempotent ? random.nextInt(1 << 15) : -1),
                idempotent ? random.nextInt() >>> 1 : -1, idempotent && random.nextBoolean(), random.nextInt(4) == 0 ? 7 : -1);
            // Mostly small batches, some of several blocks of every codec.
            int shape = random.nextInt(20);
            int records = shape == 0 ? 2000 : shape == 1 ? 3 : 30;
            int longest = shape == 0 ? 300 : shape == 1 ? 200_000 : 120;
            for (int i = random.nextInt(records); i >= 0; i--) {
                long timestamp = switch (random.nextInt(20)) {
                    case 0 -> RecordBatch.NO_TIMESTAMP;
                    case 1 -> random.nextLong() >>> 4;
                    default -> T0 + random.nextInt(10_000);
                };
                Header[] headers = new Header[random.nextInt(4) == 0 ? random.nextInt(4) : 0];
                for (int h = 0; h < headers.length; h++) {
                    String[] names = {"", "trace", "größe", "h", "日本"};
                    headers[h] = new RecordHeader(names[random.nextInt(names.length)], randomBytes(random, 20));
                }
                builder.append(timestamp, randomBytes(random, 40), randomBytes(random, longest), headers);
            }
            emit(number + " " + name, builder.build());
        }
    }

    private static byte[] randomBytes(Random random, int longest) {
        byte[] bytes = new byte[random.nextInt(longest + 1)];
        switch (random.nextInt(10)) {
            case 0 -> bytes = null;
            case 1 -> bytes = new byte[0];
            case 2 -> random.nextBytes(bytes);
            default -> {
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = (byte) ('a' + random.nextInt(6));
                }
            }
        }
        return bytes;
    }

    private static MemoryRecordsBuilder builder(Compression compression, TimestampType type, long producerId, boolean transactional) {
        boolean idempotent = producerId >= 0;
        return MemoryRecords.builder(ByteBuffer.allocate(1 << 10), RecordBatch.MAGIC_VALUE_V2, compression, type, 0L,
            type == TimestampType.LOG_APPEND_TIME ? T0 + 5_000 : RecordBatch.NO_TIMESTAMP,
            producerId, (short) (idempotent ? 3 : -1), idempotent ? 2_147_483_640 : -1, transactional, -1);
    }

    /** Every shape of key, value, header and timestamp. */
    private static MemoryRecords mixed(MemoryRecordsBuilder builder) {
        Header[] none = {};
        builder.append(T0, bytes("key"), bytes("value"), none);
        builder.append(T0 + 1, (byte[]) null, bytes("no key"), none);
        builder.append(T0 - 90_000, new byte[0], bytes("an empty key, and earlier"), none);
        builder.append(T0 + 3_000_000_000L, bytes("tombstone, five weeks later"), null, none);
        builder.append(T0 + 2, (byte[]) null, null, none);
        builder.append(T0 + 2, new byte[0], new byte[0], new Header[] {
            new RecordHeader("trace", bytes("00-4bf92f")), new RecordHeader("trace", bytes("00-4bf92f")),
            new RecordHeader("null", null), new RecordHeader("empty", new byte[0]), new RecordHeader("", bytes("no name")),
            new RecordHeader("größe", bytes("ünïcödé")),
        });
        builder.append(RecordBatch.NO_TIMESTAMP, bytes("no timestamp"), bytes("x".repeat(300)), none);
        builder.append(T0 + 4, bytes("k".repeat(64)), bytes("v".repeat(63)), none);
        return builder.build();
    }

    /** Offset deltas of one and two bytes. */
    private static MemoryRecords many(MemoryRecordsBuilder builder) {
        for (int i = 0; i < 80; i++) {
            builder.append(T0 + i, bytes("k" + i % 7), bytes("n" + i));
        }
        return builder.build();
    }

    /** Several blocks for snappy and lz4, and one of them incompressible. */
    private static MemoryRecords large(MemoryRecordsBuilder builder) {
        byte[] noise = new byte[2_000];
        new Random(1).nextBytes(noise);
        builder.append(T0, bytes("repeats"), bytes("All work and no play. ".repeat(9_000)));
        builder.append(T0, bytes("noise"), noise);
        builder.append(T0, bytes("repeats"), bytes("abcdefgh".repeat(9_000)));
        return builder.build();
    }

    private static void emit(String name, MemoryRecords records) {
        ByteBuffer buffer = records.buffer().duplicate();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        OUT.println("== " + name);
        OUT.println(HEX.formatHex(bytes));
        OUT.print(dump(bytes));
    }

    private static void check(List<String> lines) {
        int batches = 0;
        int mismatches = 0;
        for (int i = 0; i < lines.size(); ) {
            String name = lines.get(i).substring(3);
            byte[] bytes = HEX.parseHex(lines.get(i + 1));
            StringBuilder expected = new StringBuilder();
            for (i += 2; i < lines.size() && !lines.get(i).startsWith("== "); i++) {
                expected.append(lines.get(i)).append('\n');
            }
            String actual;
            try {
                actual = dump(bytes);
            } catch (RuntimeException e) {
                actual = e.toString();
            }
            batches++;
            if (!actual.contentEquals(expected)) {
                mismatches++;
                OUT.println(name + ": expected\n" + expected + "Java reads\n" + actual);
            }
        }
        OUT.println(batches + " batches, " + mismatches + " mismatches");
        OUT.flush();
        if (mismatches > 0 || batches == 0) {
            System.exit(1);
        }
    }

    /** One line for the header, one for each record; long byte strings by their length and hash. */
    private static String dump(byte[] bytes) {
        StringBuilder out = new StringBuilder();
        Iterator<MutableRecordBatch> batches = MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches().iterator();
        RecordBatch batch = batches.next();
        batch.ensureValid();
        out.append("batch offset=").append(batch.baseOffset())
            .append(" last=").append(batch.lastOffset())
            .append(" count=").append(batch.countOrNull())
            .append(" leader=").append(batch.partitionLeaderEpoch())
            .append(" codec=").append(batch.compressionType().name)
            .append(" max=").append(batch.maxTimestamp())
            .append(" append_time=").append(batch.timestampType() == TimestampType.LOG_APPEND_TIME)
            .append(" transactional=").append(batch.isTransactional())
            .append(" control=").append(batch.isControlBatch())
            .append(" producer=").append(batch.producerId()).append('/').append(batch.producerEpoch())
            .append('/').append(batch.baseSequence()).append("..").append(batch.lastSequence()).append('\n');
        for (Record record : batch) {
            record.ensureValid();
            out.append("record ").append(record.offset()).append(' ').append(record.timestamp())
                .append(' ').append(text(record.key())).append(' ').append(text(record.value()));
            for (Header header : record.headers()) {
                out.append(' ').append(text(ByteBuffer.wrap(bytes(header.key())))).append('=')
                    .append(text(header.value() == null ? null : ByteBuffer.wrap(header.value())));
            }
            out.append('\n');
        }
        if (batches.hasNext()) {
            out.append("another batch\n");
        }
        return out.toString();
    }

    private static String text(ByteBuffer buffer) {
        if (buffer == null) {
            return "null";
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        if (bytes.length <= 64) {
            return "x" + HEX.formatHex(bytes);
        }
        long hash = 0xcbf29ce484222325L; // FNV-1a
        for (byte b : bytes) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return bytes.length + ":" + String.format("%016x", hash);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
