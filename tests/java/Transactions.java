import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * What transactional clients live through with the brokers at the address that is the only argument, whose topic `t` has three
 * partitions: prints what they saw, the same for every cluster that does as Kafka does.
 */
public class Transactions {
    private static final String TOPIC = "t";
    private static final String GROUP = "g";

    private static String servers;

    public static void main(String[] arguments) throws Exception {
        servers = arguments[0];
        try (KafkaProducer<String, String> producer = producer("x")) {
            producer.initTransactions();
            for (int number = 0; number < 6; number++) {
                transaction(producer, number, number % 3 != 2);
            }
            System.out.println("committed: " + committed());
            System.out.println("offset: " + offset());

            // Another instance takes over while a transaction is open.
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(TOPIC, 0, "k", "zombie"));
            producer.flush();
            try (KafkaProducer<String, String> heir = producer("x")) {
                heir.initTransactions();
                try {
                    producer.commitTransaction();
                    System.out.println("the zombie committed");
                } catch (ProducerFencedException fenced) {
                    System.out.println("fenced");
                }
                transaction(heir, 6, true);
            }
        }
        System.out.println("committed: " + committed());
        System.out.println("offset: " + offset());

        // Offsets of a member that the group does not know end the transaction.
        try (KafkaProducer<String, String> producer = producer("y")) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(TOPIC, 1, "k", "stranger"));
            try {
                producer.sendOffsetsToTransaction(offsets(99),
                    new ConsumerGroupMetadata(GROUP, 7, "stranger", java.util.Optional.empty()));
                producer.commitTransaction();
                System.out.println("the stranger committed");
            } catch (KafkaException error) {
                System.out.println(error.getClass().getSimpleName());
                producer.abortTransaction();
            }
            transaction(producer, 7, true);
        }
        System.out.println("committed: " + committed());
        System.out.println("offset: " + offset());
    }

    /** One record in each partition, and an offset of the group. */
    private static void transaction(KafkaProducer<String, String> producer, int number, boolean commits)
            throws Exception {
        producer.beginTransaction();
        for (int partition = 0; partition < 3; partition++) {
            producer.send(new ProducerRecord<>(TOPIC, partition, "k", number + "/" + partition));
        }
        producer.sendOffsetsToTransaction(offsets(number + 1), new ConsumerGroupMetadata(GROUP));
        if (commits) {
            producer.commitTransaction();
        } else {
            producer.abortTransaction();
        }
    }

    private static Map<TopicPartition, OffsetAndMetadata> offsets(long offset) {
        return Map.of(new TopicPartition(TOPIC, 0), new OffsetAndMetadata(offset));
    }

    private static KafkaProducer<String, String> producer(String id) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        properties.put("transactional.id", id);
        return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }

    /** Every value that a reader of committed records sees, up to where the partitions are stable. */
    private static List<String> committed() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        properties.put("isolation.level", "read_committed");
        properties.put("auto.offset.reset", "earliest");
        List<String> values = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int partition = 0; partition < 3; partition++) {
                partitions.add(new TopicPartition(TOPIC, partition));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    values.add(record.value());
                }
            }
        }
        Collections.sort(values);
        return values;
    }

    /** What the group has committed. */
    private static long offset() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
            return admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get()
                .get(new TopicPartition(TOPIC, 0)).offset();
        }
    }
}
