import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.utils.internals.ImplicitLinkedHashCollection;

/**
 * Answers questions about the classes that Apache Kafka generates for its messages: a line of JSON in, a line
 * of JSON out.
 */
public class Conformance {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final Map<String, MakeVectors.Kind> kinds = new HashMap<>();

    private Conformance() throws Exception {
        for (MakeVectors.Kind kind : MakeVectors.kinds()) {
            kinds.put(kind.name(), kind);
        }
    }

    public static void main(String[] args) throws Exception {
        Conformance conformance = new Conformance();
        ObjectMapper mapper = new ObjectMapper();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer = JSON.objectNode();
            try {
                conformance.answer(mapper.readTree(line), answer);
            } catch (InvocationTargetException e) {
                answer.put("refused", e.getCause().toString());
            } catch (RuntimeException e) {
                answer.put("refused", e.toString());
            }
            out.println(mapper.writeValueAsString(answer));
            out.flush();
        }
    }

    private void answer(JsonNode question, ObjectNode answer) throws Exception {
        String task = question.get("do").asText();
        if (task.equals("versions")) {
            ObjectNode versions = answer.putObject("value");
            for (MakeVectors.Kind kind : kinds.values()) {
                versions.putArray(kind.name()).add(kind.lowest()).add(kind.highest());
            }
            return;
        }
        MakeVectors.Kind kind = kinds.get(question.get("name").asText());
        if (task.equals("default")) {
            answer.set("value", value(kind.newMessage()));
            return;
        }
        short version = (short) question.get("version").asInt();
        Message message;
        if (task.equals("read")) {
            ByteBuffer bytes = ByteBuffer.wrap(fromHex(question.get("bytes").asText()));
            message = kind.newMessage();
            message.read(new ByteBufferAccessor(bytes), version);
            if (bytes.hasRemaining()) {
                throw new IllegalStateException(bytes.remaining() + " bytes are left");
            }
        } else if (task.equals("build")) {
            message = build(kind, question.get("value"), (short) question.get("from").asInt());
        } else {
            message = new MakeVectors(null, question.get("seed").asLong()).makeUp(kind, version);
        }
        answer.set("value", value(message));
        answer.put("bytes", MakeVectors.hex(write(message, version)));
    }

    /** By the converter that Kafka generates beside the class. */
    private static Message build(MakeVectors.Kind kind, JsonNode value, short version) throws Exception {
        Method read = Class.forName(kind.type().getName() + "JsonConverter").getMethod("read", JsonNode.class, short.class);
        return (Message) read.invoke(null, value, version);
    }

    private static byte[] write(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBufferAccessor written = new ByteBufferAccessor(ByteBuffer.allocate(message.size(cache, version)));
        message.write(written, cache, version);
        if (written.buffer().hasRemaining()) {
            throw new IllegalStateException("the size is not what is written");
        }
        return written.buffer().array();
    }

    /** All fields, those that a version does not have too: what the converters would leave out. */
    private static JsonNode value(Object value) throws IllegalAccessException {
        if (value == null) {
            return JSON.nullNode();
        } else if (value instanceof Boolean) {
            return JSON.booleanNode((Boolean) value);
        } else if (value instanceof Double) {
            return JSON.numberNode((Double) value);
        } else if (value instanceof Number) {
            return JSON.numberNode(((Number) value).longValue());
        } else if (value instanceof String || value instanceof Uuid) {
            return JSON.textNode(value.toString());
        } else if (value instanceof byte[]) {
            return BinaryNode.valueOf((byte[]) value);
        } else if (value instanceof ByteBuffer) {
            byte[] bytes = new byte[((ByteBuffer) value).remaining()];
            ((ByteBuffer) value).duplicate().get(bytes);
            return BinaryNode.valueOf(bytes);
        } else if (value instanceof MemoryRecords) {
            return value(((MemoryRecords) value).buffer());
        } else if (value instanceof Collection) {
            ArrayNode elements = JSON.arrayNode();
            for (Object element : (Collection<?>) value) {
                elements.add(value(element));
            }
            return elements;
        } else if (value instanceof Message) {
            return fields((Message) value);
        }
        throw new IllegalStateException("no JSON for " + value.getClass());
    }

    private static ObjectNode fields(Message message) throws IllegalAccessException {
        ObjectNode node = JSON.objectNode();
        boolean isLinked = message instanceof ImplicitLinkedHashCollection.Element;
        for (Field field : message.getClass().getDeclaredFields()) {
            boolean isLink = isLinked && (field.getName().equals("next") || field.getName().equals("prev"));
            if (!Modifier.isStatic(field.getModifiers()) && !field.getName().startsWith("_") && !isLink) {
                field.setAccessible(true);
                node.set(field.getName(), value(field.get(message)));
            }
        }
        return node;
    }

    private static byte[] fromHex(String text) {
        byte[] bytes = new byte[text.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(text.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }
}
