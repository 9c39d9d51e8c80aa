package org.apache.kafka.common.security;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import javax.security.auth.login.AppConfigurationEntry;

/**
 * Writes jaas.txt: what Kafka's own parser makes of login modules' lines thrown together at random.
 *
 * <pre>
 * javac -cp kafka-clients.jar -d target/jaas crates/sasl/tests/vectors/JaasVectors.java
 * java -cp kafka-clients.jar:target/jaas org.apache.kafka.common.security.JaasVectors > crates/sasl/tests/vectors/jaas.txt
 * </pre>
 */
public final class JaasVectors {
    private static final String[] PIECES = {
        "a", "b.c", "_x", "$y", "z-1", "7", "60", ".5", "-", "-x", "\u00e9", "\u0101", "\u0085", "=", "=", "=", ";", "\n", " ", " ", " ", "\t", "\r\n",
        "\"", "\"v w\"", "'q'", "\"\"", "'it\"s'", "\"\\\"\"", "\"\\101\\0\\400\\18\"", "'\\n\\t\\q\\\\'", "\"\\a\\b\\f\\v\\r\"", "\"a\\",
        "/", "// c\n", "//", "/* c */", "/*", "/**/", "*/", "@", ",", "{", "}", "\\", "#", "required", "Optional",
    };
    private static final String[] VALUES = {
        "x", "\"x\"", "'x y'", "\"a=b;c\"", "\"\\\"\\\\\\'\"", "\"\\60\\060\\0600\"", "\"//no\"", "a.b-c$d_9", "\"\u00e9\u20ac\"", "\u20ac", "true", "\"60\"", "60",
    };
    private static final String[] SPACES = {" ", "\n", "\t ", "/**/", " // c\n", "\r\n"};

    private final Random random = new Random(42);

    private String any(String[] choice) {
        return choice[random.nextInt(choice.length)];
    }

    /** A line that is mostly right, with up to two pieces thrown in anywhere. */
    private String text() {
        StringBuilder text = new StringBuilder("Module");
        text.append(any(SPACES)).append(random.nextInt(9) == 0 ? any(PIECES) : "required");
        for (int options = random.nextInt(4); options > 0; options--)
            text.append(any(SPACES)).append((char) ('a' + random.nextInt(3))).append(random.nextInt(5) == 0 ? " = " : "=").append(any(VALUES));
        text.append(random.nextInt(9) == 0 ? any(PIECES) : ";").append(random.nextInt(5) == 0 ? any(SPACES) : "");
        for (int pieces = random.nextInt(3); pieces > 0; pieces--)
            text.insert(random.nextInt(text.length() + 1), any(PIECES));
        return text.toString();
    }

    /** Class, flag, names and values; or that it is refused. */
    private static String[] read(String text) {
        AppConfigurationEntry[] entries;
        try {
            entries = new JaasConfig("KafkaClient", text).getAppConfigurationEntry("KafkaClient");
        } catch (RuntimeException e) {
            return new String[] {"refused"};
        }
        if (entries.length != 1)
            return new String[] {"refused"};
        Map<String, Object> options = new TreeMap<>();
        entries[0].getOptions().forEach((name, value) -> options.put(name == null ? "" : name, value));
        String[] fields = new String[2 + 2 * options.size()];
        fields[0] = entries[0].getLoginModuleName();
        fields[1] = entries[0].getControlFlag().toString().replaceAll(".*: ", "");
        int at = 2;
        for (Map.Entry<String, Object> option : options.entrySet()) {
            fields[at++] = option.getKey();
            fields[at++] = (String) option.getValue();
        }
        return fields;
    }

    private static String escaped(String text) {
        StringBuilder out = new StringBuilder();
        for (char c : text.toCharArray()) {
            if (c < ' ' || c > '~' || c == '\\')
                out.append(String.format("\\u%04x", (int) c));
            else
                out.append(c);
        }
        return out.toString();
    }

    public static void main(String[] args) {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        out.print("# By the parser of Kafka's Java client: JaasVectors.java\n");
        out.print("# a text, then its class, flag, and options' names and values\n");
        JaasVectors vectors = new JaasVectors();
        for (int row = 0; row < 1200; row++) {
            String text = vectors.text();
            StringBuilder line = new StringBuilder(escaped(text));
            for (String field : read(text))
                line.append('\t').append(escaped(field));
            out.print(line.append('\n'));
        }
        out.flush();
    }
}
