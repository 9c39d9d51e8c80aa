import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads topics as `read_committed` does, in steps: for every line on standard input all records up to the last stable offsets that there are
 * then. Arguments: the address, the topics. Prints a line for each record (topic, partition, offset, value, by tabs), then one for each
 * partition (`=`, topic, partition, last stable offset, high watermark), then a dot.
 */
public class CommittedReader {
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        List<String> topics = Arrays.asList(arguments).subList(1, arguments.length);
        try (KafkaConsumer<String, String> committed = consumer(arguments[0], "read_committed");
            KafkaConsumer<String, String> uncommitted = consumer(arguments[0], "read_uncommitted")) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : topics) {
                for (PartitionInfo partition : committed.partitionsFor(topic)) {
                    partitions.add(new TopicPartition(topic, partition.partition()));
                }
            }
            partitions.sort((a, b) -> a.topic().equals(b.topic()) ? a.partition() - b.partition() : a.topic().compareTo(b.topic()));
            committed.assign(partitions);
            committed.seekToBeginning(partitions);
            BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
            while (input.readLine() != null) {
                Map<TopicPartition, Long> stable = committed.endOffsets(partitions);
                Map<TopicPartition, Long> high = uncommitted.endOffsets(partitions);
                for (TopicPartition partition : partitions) {
                    // A marker is an offset too: the position is behind it once it was fetched.
                    while (committed.position(partition) < stable.get(partition)) {
                        print(committed.poll(Duration.ofMillis(100)));
                    }
                }
                for (TopicPartition partition : partitions) {
                    OUT.println("=\t" + partition.topic() + "\t" + partition.partition() + "\t" + stable.get(partition) + "\t" + high.get(partition));
                }
                OUT.println(".");
                OUT.flush();
            }
        }
    }

    private static void print(Iterable<ConsumerRecord<String, String>> records) {
        for (ConsumerRecord<String, String> record : records) {
            OUT.println(record.topic() + "\t" + record.partition() + "\t" + record.offset() + "\t" + record.value());
        }
    }

    private static KafkaConsumer<String, String> consumer(String servers, String isolation) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        properties.put("isolation.level", isolation);
        // Nothing that was stable is ever taken back.
        properties.put("auto.offset.reset", "none");
        properties.put("enable.auto.commit", "false");
        properties.put("request.timeout.ms", "5000");
        properties.put("default.api.timeout.ms", "60000");
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }
}
