import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

/** Prints a line for every error code of the protocol: the code, its name, and the kind of its exception. */
public class PrintErrors {
    public static void main(String[] args) {
        java.util.Arrays.stream(Errors.values())
            .sorted(java.util.Comparator.comparing(Errors::code))
            .forEach(error -> {
                Exception exception = error.exception();
                String kind = exception instanceof InvalidMetadataException ? "InvalidMetadata"
                    : exception instanceof RetriableException ? "Retriable"
                    : "Other";
                System.out.println(error.code() + " " + error.name() + " " + kind);
            });
    }
}
