import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;

/**
 * What Java's producer says to configurations.
 *
 * <p>Without an argument: each line of standard input is a configuration, NAME US VALUE (RS NAME US VALUE)…, where US and RS are the
 * characters 1f and 1e. A KafkaProducer is constructed from each, and a line is printed: "ok", or "refused: " and the messages of the
 * exception and its causes. With the argument "keys": every key, its type and its default, one a line, separated by US. With the argument
 * "properties": standard input is .properties texts, separated by RS; of each, the value of client.id is printed, with the characters
 * below the space as numbers in braces, or "none" if there is none or the text is malformed.
 */
public final class ProducerConfigs {
    private static final String US = "\u001f";
    private static final String RS = "\u001e";

    private ProducerConfigs() { }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        if (args.length > 0 && args[0].equals("keys")) {
            keys(out);
            return;
        }
        if (args.length > 0 && args[0].equals("properties")) {
            properties(out);
            return;
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(answer(line));
        }
        System.exit(0);
    }

    private static void keys(PrintStream out) {
        ConfigDef definition = ProducerConfig.configDef();
        for (ConfigDef.ConfigKey key : new TreeMap<>(definition.configKeys()).values()) {
            String fallback = key.hasDefault() ? ConfigDef.convertToString(key.defaultValue, key.type) : null;
            out.println(key.name + US + key.type + US + (fallback == null ? "" : fallback));
        }
    }

    private static void properties(PrintStream out) throws Exception {
        String texts = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        for (String text : texts.split(RS, -1)) {
            Properties properties = new Properties();
            String value;
            try {
                properties.load(new StringReader(text));
                value = properties.getProperty("client.id");
            } catch (IllegalArgumentException malformed) {
                value = null;
            }
            StringBuilder shown = new StringBuilder();
            if (value == null) {
                shown.append("none");
            } else {
                value.trim().chars().forEach(c -> {
                    if (c < ' ') shown.append('{').append(c).append('}');
                    else shown.append((char) c);
                });
            }
            out.println(shown);
        }
    }

    private static String answer(String line) throws InterruptedException {
        Map<String, Object> properties = new HashMap<>();
        for (String pair : line.split(RS, -1)) {
            String[] parts = pair.split(US, -1);
            properties.put(parts[0], parts[1]);
        }
        try {
            KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties);
            // With some of the values it never ends: that is not waited for.
            Thread closer = new Thread(() -> producer.close(Duration.ZERO));
            closer.setDaemon(true);
            closer.start();
            closer.join(50);
            return "ok";
        } catch (RuntimeException | Error refusal) {
            StringBuilder text = new StringBuilder("refused: ");
            for (Throwable cause = refusal; cause != null; cause = cause.getCause()) {
                text.append(cause.getMessage()).append("; ");
            }
            return text.toString().replaceAll("\\s+", " ");
        }
    }
}
