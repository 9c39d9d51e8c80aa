import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.InitProducerIdRequestData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.ArrayOf;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.CompactArrayOf;
import org.apache.kafka.common.protocol.types.NullableSchema;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Lets Apache Kafka's own client encode messages, a line each: name, version, the version of the header
 * before it (or -), bytes in hexadecimal.
 *
 * every_message.txt has all kinds and versions. The values are made up from the schemas that the client has
 * beside its encoding code; a line holds what the client writes after it has read those values.
 *
 * known.txt has values that are written down here and in the test that reads them.
 */
public class MakeVectors {
    private static final String PACKAGE = "org.apache.kafka.common.message.";
    private static final String[] DATA = {
        "AbortedTxn", "ConsumerProtocolAssignment", "ConsumerProtocolSubscription",
        "ControlRecordTypeSchema", "DefaultPrincipalData", "EndTxnMarker", "KRaftVersionRecord",
        "LeaderChangeMessage", "SnapshotFooterRecord", "SnapshotHeaderRecord", "VotersRecord",
    };
    private static final int SAMPLES = 3;

    private final Random random;
    private final PrintWriter out;
    private int lines = 0;

    /** What is written goes to {@code out}; the same seed makes the same values up. */
    MakeVectors(PrintWriter out, long seed) {
        this.out = out;
        this.random = new Random(seed);
    }

    /** A message, with the schemas of all its versions. */
    record Kind(String name, Class<? extends Message> type, Schema[] schemas, short lowest, short highest) {
        Message newMessage() throws ReflectiveOperationException {
            return type.getConstructor().newInstance();
        }
    }

    public static void main(String[] args) throws Exception {
        for (String name : new String[] {"every_message.txt", "known.txt"}) {
            try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(Path.of(args[0], name)))) {
                out.println("# Encoded by kafka-clients " + args[1] + " (MakeVectors.java beside this file).");
                MakeVectors vectors = new MakeVectors(out, 714);
                if (name.startsWith("known")) {
                    vectors.known();
                } else {
                    vectors.all();
                }
                System.out.println(vectors.lines + " vectors in " + name);
            }
        }
    }

    private void known() {
        for (short version = 0; version <= 5; version++) {
            ApiVersionsRequestData request = new ApiVersionsRequestData();
            if (version >= 3) {
                request.setClientSoftwareName("rohrpost").setClientSoftwareVersion("0.1.0");
            }
            write(request, version);
            ApiVersionsResponseData response = new ApiVersionsResponseData().setErrorCode((short) 0).setThrottleTimeMs(7);
            response.apiKeys().add(new ApiVersionsResponseData.ApiVersion().setApiKey((short) 0).setMinVersion((short) 3).setMaxVersion((short) 13));
            response.apiKeys().add(new ApiVersionsResponseData.ApiVersion().setApiKey((short) 18).setMinVersion((short) 0).setMaxVersion((short) 4));
            response.setFinalizedFeaturesEpoch(42);
            response.supportedFeatures().add(new ApiVersionsResponseData.SupportedFeatureKey()
                .setName("transaction.version").setMinVersion((short) 0).setMaxVersion((short) 2));
            response.finalizedFeatures().add(new ApiVersionsResponseData.FinalizedFeatureKey()
                .setName("transaction.version").setMinVersionLevel((short) 2).setMaxVersionLevel((short) 2));
            write(response, version);
        }
        for (short version : new short[] {1, 4, 8, 9, 12, 13}) {
            MetadataRequestData request = new MetadataRequestData();
            request.topics().add(new MetadataRequestData.MetadataRequestTopic().setName("greetings"));
            write(request, version);
            if (version != 13) {
                write(new MetadataRequestData().setTopics(null), version);
            }
            MetadataResponseData response = new MetadataResponseData().setThrottleTimeMs(3)
                .setClusterId("cluster").setControllerId(2);
            response.brokers().add(new MetadataResponseData.MetadataResponseBroker()
                .setNodeId(1).setHost("broker-1").setPort(9092).setRack("r\u00e4ck"));
            MetadataResponseData.MetadataResponsePartition partition = new MetadataResponseData.MetadataResponsePartition()
                .setErrorCode((short) 5).setPartitionIndex(11).setLeaderId(-1).setLeaderEpoch(6)
                .setReplicaNodes(List.of(1, 2)).setIsrNodes(List.of(1)).setOfflineReplicas(List.of(2));
            response.topics().add(new MetadataResponseData.MetadataResponseTopic().setErrorCode((short) 0)
                .setName("greetings").setTopicId(new Uuid(1, 2)).setIsInternal(true)
                .setPartitions(List.of(partition)));
            write(response, version);
        }
        for (short version : new short[] {3, 7, 8, 9, 12, 13}) {
            ProduceRequestData.PartitionProduceData partition = new ProduceRequestData.PartitionProduceData().setIndex(3)
                .setRecords(MemoryRecords.readableRecords(ByteBuffer.wrap("not looked into".getBytes())));
            ProduceRequestData.PartitionProduceData empty = new ProduceRequestData.PartitionProduceData().setIndex(4);
            ProduceRequestData request = new ProduceRequestData().setTransactionalId("tx").setAcks((short) -1).setTimeoutMs(30000);
            request.topicData().add(new ProduceRequestData.TopicProduceData().setName("greetings").setTopicId(new Uuid(1, 2))
                .setPartitionData(List.of(partition, empty)));
            write(request, version);
            ProduceResponseData.PartitionProduceResponse answer = new ProduceResponseData.PartitionProduceResponse()
                .setIndex(3).setErrorCode((short) 6).setBaseOffset(-1).setLogAppendTimeMs(-1).setLogStartOffset(77)
                .setRecordErrors(List.of(new ProduceResponseData.BatchIndexAndErrorMessage().setBatchIndex(1).setBatchIndexErrorMessage("bad")))
                .setErrorMessage("moved");
            ProduceResponseData response = new ProduceResponseData().setThrottleTimeMs(9);
            if (version >= 10) {
                answer.setCurrentLeader(new ProduceResponseData.LeaderIdAndEpoch().setLeaderId(5).setLeaderEpoch(8));
                response.nodeEndpoints().add(new ProduceResponseData.NodeEndpoint().setNodeId(5).setHost("broker-5").setPort(9095));
            }
            response.responses().add(new ProduceResponseData.TopicProduceResponse().setName("greetings").setTopicId(new Uuid(1, 2))
                .setPartitionResponses(List.of(answer)));
            write(response, version);
        }
        for (short version = 0; version <= 5; version++) {
            InitProducerIdRequestData request = new InitProducerIdRequestData().setTransactionalId(null).setTransactionTimeoutMs(60000);
            if (version >= 3) {
                request.setProducerId(4000).setProducerEpoch((short) 7);
            }
            write(request, version);
            write(new InitProducerIdResponseData().setThrottleTimeMs(1).setErrorCode((short) 0)
                .setProducerId(4000).setProducerEpoch((short) 8), version);
        }
    }

    private void all() throws Exception {
        for (Kind kind : kinds()) {
            for (short version = kind.lowest(); version <= kind.highest(); version++) {
                for (int sample = 0; sample < SAMPLES; sample++) {
                    write(makeUp(kind, version), version);
                }
            }
        }
    }

    /** Every message that this Kafka has. */
    static List<Kind> kinds() throws ReflectiveOperationException {
        List<Kind> kinds = new ArrayList<>();
        kinds.add(new Kind("RequestHeader", RequestHeaderData.class, RequestHeaderData.SCHEMAS, (short) 1, (short) 2));
        kinds.add(new Kind("ResponseHeader", ResponseHeaderData.class, ResponseHeaderData.SCHEMAS, (short) 0, (short) 1));
        for (ApiMessageType api : ApiMessageType.values()) {
            short lowest = api.lowestSupportedVersion();
            short highest = api.highestSupportedVersion(true);
            if (lowest <= highest) {
                kinds.add(new Kind(api.name + "Request", api.newRequest().getClass(), api.requestSchemas(), lowest, highest));
                kinds.add(new Kind(api.name + "Response", api.newResponse().getClass(), api.responseSchemas(), lowest, highest));
            }
        }
        for (String name : DATA) {
            Class<? extends Message> type = Class.forName(PACKAGE + name).asSubclass(Message.class);
            Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
            Message message = type.getConstructor().newInstance();
            kinds.add(new Kind(name, type, schemas, message.lowestSupportedVersion(), message.highestSupportedVersion()));
        }
        return kinds;
    }

    /** A message of random values, read from what the schema writes of them. */
    Message makeUp(Kind kind, short version) throws ReflectiveOperationException {
        Struct struct = (Struct) value(kind.schemas()[version]);
        ByteBuffer buffer = ByteBuffer.allocate(struct.sizeOf());
        struct.writeTo(buffer);
        buffer.flip();
        Message message = kind.newMessage();
        message.read(new ByteBufferAccessor(buffer), version);
        if (buffer.hasRemaining()) {
            throw new IllegalStateException(kind.name() + " " + version + ": bytes are left");
        }
        return message;
    }

    private void write(Message message, short version) {
        String name = message.getClass().getSimpleName();
        String header = "-";
        if (message instanceof ApiMessage && ((ApiMessage) message).apiKey() >= 0) {
            name = name.substring(0, name.length() - "Data".length());
            ApiMessageType api = ApiMessageType.fromApiKey(((ApiMessage) message).apiKey());
            header += name.endsWith("Request") ? api.requestHeaderVersion(version) : api.responseHeaderVersion(version);
            header = header.substring(1);
        } else if (message instanceof RequestHeaderData || message instanceof ResponseHeaderData) {
            name = name.substring(0, name.length() - "Data".length());
        }
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBufferAccessor written = new ByteBufferAccessor(ByteBuffer.allocate(message.size(cache, version)));
        message.write(written, cache, version);
        out.println(name + " " + version + " " + header + " " + hex(written.buffer().array()));
        lines++;
    }

    private Object value(Type type) {
        if (type instanceof NullableSchema) {
            return random.nextInt(3) == 0 ? null : struct((Schema) type);
        } else if (type instanceof Schema) {
            return struct((Schema) type);
        } else if (type instanceof ArrayOf || type instanceof CompactArrayOf) {
            if (type.isNullable() && random.nextInt(3) == 0) {
                return null;
            }
            List<Object> elements = new ArrayList<>();
            for (int left = random.nextInt(6) / 2; left > 0; left--) {
                elements.add(value(type.arrayElementType().get()));
            }
            return elements.toArray();
        } else if (type instanceof TaggedFields) {
            return tagged((TaggedFields) type);
        } else if (type.isNullable() && random.nextInt(3) == 0) {
            return null;
        }
        switch (((Type.DocumentedType) type).typeName()) {
            case "BOOLEAN": return random.nextBoolean();
            case "INT8": return (byte) number();
            case "INT16": return (short) number();
            case "UINT16": return (int) number() & 0xffff;
            case "INT32": return (int) number();
            case "UINT32": return number() & 0xffffffffL;
            case "INT64": return number();
            case "FLOAT64": return random.nextDouble();
            case "UUID": return new Uuid(random.nextLong(), random.nextLong());
            case "STRING": case "COMPACT_STRING": case "NULLABLE_STRING": case "COMPACT_NULLABLE_STRING":
                return text();
            case "BYTES": case "COMPACT_BYTES": case "NULLABLE_BYTES": case "COMPACT_NULLABLE_BYTES":
                return ByteBuffer.wrap(bytes());
            case "RECORDS": case "COMPACT_RECORDS": case "NULLABLE_RECORDS": case "COMPACT_NULLABLE_RECORDS":
                return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
            default: throw new IllegalStateException("no value for " + type);
        }
    }

    private Struct struct(Schema schema) {
        Struct struct = new Struct(schema);
        for (BoundField field : schema.fields()) {
            struct.set(field, value(field.def.type));
        }
        return struct;
    }

    private NavigableMap<Integer, Object> tagged(TaggedFields type) {
        NavigableMap<Integer, Object> fields = new TreeMap<>();
        type.fields().forEach((tag, field) -> {
            if (random.nextInt(3) > 0) {
                Object value = value(field.type);
                if (value != null) {
                    fields.put(tag, value);
                }
            }
        });
        if (random.nextInt(6) == 0) {
            int tag = 100 + random.nextInt(1000);
            fields.put(tag, new RawTaggedField(tag, bytes()));
        }
        return fields;
    }

    private long number() {
        switch (random.nextInt(4)) {
            case 0: return random.nextInt(3) - 1;
            case 1: return random.nextInt(200);
            default: return random.nextLong();
        }
    }

    private String text() {
        String all = "tube-\u00df\u8bed post";
        return all.substring(0, random.nextInt(all.length()));
    }

    private byte[] bytes() {
        byte[] bytes = new byte[random.nextInt(6)];
        random.nextBytes(bytes);
        return bytes;
    }

    static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }
}
