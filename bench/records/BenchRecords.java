// Builds the same record batch again and again with Kafka's own client: prints the nanoseconds per record of the best round, once it is
// warm, and the batch's bytes.

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.RecordBatch;

public final class BenchRecords {
    private static final long T0 = 1_700_000_000_000L;
    private static final long WARM_UP_NANOS = 4_000_000_000L;
    private static final long MEASURE_NANOS = 2_000_000_000L;

    public static void main(String[] args) throws Exception {
        List<byte[]> values = Files.readAllLines(Path.of(args[0])).stream()
            .map(line -> line.getBytes(StandardCharsets.UTF_8)).toList();
        byte[][] records = new byte[Integer.parseInt(args[1])][];
        for (int i = 0; i < records.length; i++) {
            records[i] = values.get(i % values.size());
        }
        Compression compression = Compression.of(args[2]).build();
        ByteBuffer buffer = ByteBuffer.allocate(2 << 20);
        long start = System.nanoTime();
        int size = 0;
        while (System.nanoTime() - start < WARM_UP_NANOS) {
            size = build(records, compression, buffer);
        }
        long best = Long.MAX_VALUE;
        start = System.nanoTime();
        while (System.nanoTime() - start < MEASURE_NANOS) {
            long before = System.nanoTime();
            size = build(records, compression, buffer);
            best = Math.min(best, System.nanoTime() - before);
        }
        System.out.println((double) best / records.length + " " + size);
    }

    private static int build(byte[][] records, Compression compression, ByteBuffer buffer) {
        buffer.clear();
        MemoryRecordsBuilder builder = MemoryRecords.builder(buffer, RecordBatch.MAGIC_VALUE_V2, compression,
            TimestampType.CREATE_TIME, 0L);
        for (byte[] value : records) {
            builder.append(T0, null, value);
        }
        return builder.build().sizeInBytes();
    }
}
