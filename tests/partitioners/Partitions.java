import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RoundRobinPartitioner;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.common.utils.internals.LogContext;

/**
 * What Java's partitioners say.
 *
 * <p>Without an argument: each line of standard input is a key in hexadecimal digits, "-" for none, and a number of partitions. For each, a line has
 * the key's murmur2, its partition by BuiltInPartitioner, that of a KafkaProducer in a topic of (number - 1) % 64 + 1 partitions, the same with
 * partitioner.ignore.keys, and that of RoundRobinPartitioner in a topic that has 1 + n / 50 partitions at line n, of which partition p has no leader
 * while (p + n / 17) % 7 is 3. "-" stands for no hash, and for the choice that is left to the sticky partitioner.
 *
 * <p>With the argument "chances": each line is the producer's rack, "-" for none, and for each partition QUEUE:RACK, the batches that wait for it and
 * its leader's rack; with "slow" for QUEUE it was excluded for its latency, and with "none" for all queues there are no statistics. For each, a line
 * has how often each partition is chosen in 200,000 choices.
 */
public final class Partitions {
    private static final String TOPIC = "keys";
    private static final int CHOICES = 200_000;

    private Partitions() { }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        if (args.length > 0 && args[0].equals("chances")) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                out.println(chances(line.split(" ")));
            }
        } else {
            keys(in, out);
        }
        out.flush();
        System.exit(0);
    }

    private static void keys(BufferedReader in, PrintStream out) throws Exception {
        Producer plain = new Producer(false);
        Producer ignoring = new Producer(true);
        RoundRobinPartitioner robin = new RoundRobinPartitioner();
        int number = 0;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split(" ");
            byte[] key = parts[0].equals("-") ? null : HexFormat.of().parseHex(parts[0]);
            int count = Integer.parseInt(parts[1]);
            String hash = key == null ? "-" : Integer.toString(Utils.murmur2(key));
            String partition = key == null ? "-" : Integer.toString(BuiltInPartitioner.partitionForKey(key, count));
            Cluster few = cluster((count - 1) % 64 + 1, -1);
            Cluster grown = cluster(1 + number / 50, number);
            int turn = robin.partition(TOPIC, key, key, null, null, grown);
            out.println(hash + " " + partition + " " + plain.partition(key, few) + " " + ignoring.partition(key, few) + " " + turn);
            number++;
        }
    }

    /** A topic of so many partitions; as it is at the line of this number, or, at -1, with leaders everywhere. */
    private static Cluster cluster(int count, int number) {
        Node node = new Node(1, "localhost", 1);
        List<PartitionInfo> partitions = new ArrayList<>();
        for (int partition = 0; partition < count; partition++) {
            Node leader = number >= 0 && (partition + number / 17) % 7 == 3 ? null : node;
            partitions.add(new PartitionInfo(TOPIC, partition, leader, new Node[] {node}, new Node[] {node}));
        }
        return new Cluster("cluster", List.of(node), partitions, Set.of(), Set.of());
    }

    /** A producer, and what it does before it leaves the choice to the accumulator. */
    private static final class Producer {
        private final KafkaProducer<byte[], byte[]> producer;
        private final Method partition;

        Producer(boolean ignoresKeys) throws Exception {
            String bytes = "org.apache.kafka.common.serialization.ByteArraySerializer";
            producer = new KafkaProducer<>(Map.of("bootstrap.servers", "127.0.0.1:1", "key.serializer", bytes, "value.serializer", bytes,
                "partitioner.ignore.keys", ignoresKeys));
            producer.close(Duration.ZERO);
            partition = KafkaProducer.class.getDeclaredMethod("partition", ProducerRecord.class, byte[].class, byte[].class, Cluster.class);
            partition.setAccessible(true);
        }

        String partition(byte[] key, Cluster cluster) throws Exception {
            int chosen = (int) partition.invoke(producer, new ProducerRecord<byte[], byte[]>(TOPIC, key, null), key, null, cluster);
            return chosen < 0 ? "-" : Integer.toString(chosen);
        }
    }

    private static String chances(String[] parts) throws Exception {
        String rack = parts[0].equals("-") ? null : parts[0];
        int count = parts.length - 1;
        int[] queues = new int[count];
        int[] ids = new int[count];
        String[] racks = new String[count];
        List<Node> leaders = new ArrayList<>();
        List<PartitionInfo> partitions = new ArrayList<>();
        int length = 0;
        boolean hasStatistics = true;
        for (int partition = 0; partition < count; partition++) {
            String[] words = parts[partition + 1].split(":", -1);
            String leaderRack = words[1].isEmpty() ? null : words[1];
            Node leader = new Node(partition, "localhost", 1 + partition, leaderRack);
            leaders.add(leader);
            partitions.add(new PartitionInfo(TOPIC, partition, leader, new Node[] {leader}, new Node[] {leader}));
            if (words[0].equals("none")) {
                hasStatistics = false;
            } else if (!words[0].equals("slow")) {
                queues[length] = Integer.parseInt(words[0]);
                ids[length] = partition;
                racks[length] = leaderRack;
                length++;
            }
        }
        Cluster cluster = new Cluster("cluster", leaders, partitions, Set.of(), Set.of());
        BuiltInPartitioner partitioner = new BuiltInPartitioner(new LogContext(), TOPIC, 1, rack != null, rack);
        partitioner.updatePartitionLoadStats(hasStatistics ? queues : null, ids, racks, length);
        Method next = BuiltInPartitioner.class.getDeclaredMethod("nextPartition", Cluster.class);
        next.setAccessible(true);
        int[] chosen = new int[count];
        for (int choice = 0; choice < CHOICES; choice++) {
            chosen[(int) next.invoke(partitioner, cluster)]++;
        }
        StringBuilder line = new StringBuilder();
        for (int times : chosen) line.append(line.length() == 0 ? "" : " ").append(times);
        return line.toString();
    }
}
