import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.common.serialization.ListSerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;

/**
 * What Kafka's serializers make of values.
 *
 * <p>Each line of standard input is SERIALIZER SPACE VALUE, in the language of crates/serializer/tests/java/cases.rs; for each, a line with the
 * bytes is printed in hexadecimal digits, or "~" for null.
 */
public final class Serializers {
    private static final HexFormat HEX = HexFormat.of();

    private Serializers() { }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            int space = line.indexOf(' ');
            String name = line.substring(0, space);
            String kind = name.substring(name.lastIndexOf(':') + 1);
            byte[] bytes = serializer(name).serialize("t", new Reader(kind, line.substring(space + 1)).entry());
            out.println(bytes == null ? "~" : HEX.formatHex(bytes));
        }
        out.flush();
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Serializer<Object> serializer(String name) throws ReflectiveOperationException {
        if (name.startsWith("List:")) {
            return new ListSerializer(serializer(name.substring(5)));
        }
        int at = name.indexOf('@');
        if (at >= 0) {
            Serializer<Object> encoded = serializer(name.substring(0, at));
            encoded.configure(Map.of("serializer.encoding", name.substring(at + 1)), false);
            return encoded;
        }
        String type = "org.apache.kafka.common.serialization." + name + "Serializer";
        return (Serializer<Object>) Class.forName(type).getConstructor().newInstance();
    }

    /** Reads a value from the front of a text. */
    private static final class Reader {
        private final String kind;
        private final String text;
        private int at = 0;

        Reader(String kind, String text) {
            this.kind = kind;
            this.text = text;
        }

        Object entry() {
            if (at < text.length() && text.charAt(at) == '[') {
                List<Object> list = new ArrayList<>();
                at++;
                while (text.charAt(at) != ']') {
                    list.add(entry());
                    at++;
                }
                at++;
                return list;
            }
            int begin = at;
            while (at < text.length() && text.charAt(at) != ',' && text.charAt(at) != ']') {
                at++;
            }
            String found = text.substring(begin, at);
            return found.equals("~") ? null : value(found);
        }

        private Object value(String found) {
            switch (kind.replaceFirst("@.*", "")) {
                case "String": return new String(HEX.parseHex(found), StandardCharsets.UTF_8);
                case "ByteArray": return HEX.parseHex(found);
                case "ByteBuffer": return ByteBuffer.wrap(HEX.parseHex(found));
                case "Bytes": return Bytes.wrap(HEX.parseHex(found));
                case "Short": return Short.valueOf(found);
                case "Integer": return Integer.valueOf(found);
                case "Long": return Long.valueOf(found);
                case "Float": return Float.intBitsToFloat(Integer.parseUnsignedInt(found, 16));
                case "Double": return Double.longBitsToDouble(Long.parseUnsignedLong(found, 16));
                case "Boolean": return Boolean.valueOf(found);
                case "UUID": return new UUID(Long.parseUnsignedLong(found.substring(0, 16), 16), Long.parseUnsignedLong(found.substring(16), 16));
                default: throw new IllegalArgumentException(kind);
            }
        }
    }
}
