import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.PBEParameterSpec;

/**
 * Runs what standard input says, a command a line, its words between tabs: `keytool` with its
 * arguments, `legacy-keytool` (stores as Java 8 wrote them), or
 * `pem STORE PASSWORD ALIAS FOLDER NAME KEY_PASSWORD`, for what keytool cannot write: NAME.key
 * (PKCS#8), NAME-encrypted.key (the same under KEY_PASSWORD, PBES2), NAME.crt (the chain),
 * NAME.pem (key and chain), NAME.pub (the public key, in DER).
 *
 * One virtual machine for some thirty runs of keytool, each of which would take a second to start.
 */
public class Keys {
    public static void main(String[] arguments) throws Exception {
        String script = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        for (String line : script.split("\n")) {
            String[] words = line.split("\t");
            String[] rest = java.util.Arrays.copyOfRange(words, 1, words.length);
            switch (words[0]) {
                case "keytool" -> sun.security.tools.keytool.Main.main(rest);
                case "legacy-keytool" -> {
                    System.setProperty("keystore.pkcs12.legacy", "");
                    sun.security.tools.keytool.Main.main(rest);
                    System.clearProperty("keystore.pkcs12.legacy");
                }
                case "pem" -> pem(rest);
                default -> throw new IllegalArgumentException(line);
            }
        }
    }

    private static void pem(String[] words) throws Exception {
        KeyStore store = KeyStore.getInstance(Path.of(words[0]).toFile(), words[1].toCharArray());
        Key key = store.getKey(words[2], words[1].toCharArray());
        StringBuilder chain = new StringBuilder();
        for (Certificate certificate : store.getCertificateChain(words[2])) {
            chain.append(armoured("CERTIFICATE", certificate.getEncoded()));
        }
        Path folder = Path.of(words[3]);
        Files.writeString(folder.resolve(words[4] + ".crt"), chain);
        byte[] publicKey = store.getCertificate(words[2]).getPublicKey().getEncoded();
        Files.write(folder.resolve(words[4] + ".pub"), publicKey);
        for (String suffix : new String[] {"", "-encrypted"}) {
            String armoured = suffix.isEmpty()
                ? armoured("PRIVATE KEY", key.getEncoded())
                : armoured("ENCRYPTED PRIVATE KEY", encrypted(key, words[5]));
            Files.writeString(folder.resolve(words[4] + suffix + ".key"), armoured);
            Files.writeString(folder.resolve(words[4] + suffix + ".pem"), armoured + chain);
        }
    }

    private static byte[] encrypted(Key key, String password) throws Exception {
        String algorithm = "PBEWithHmacSHA256AndAES_256";
        byte[] salt = new byte[16];
        new SecureRandom().nextBytes(salt);
        Cipher cipher = Cipher.getInstance(algorithm);
        cipher.init(
            Cipher.ENCRYPT_MODE,
            SecretKeyFactory.getInstance(algorithm)
                .generateSecret(new PBEKeySpec(password.toCharArray())),
            new PBEParameterSpec(salt, 10_000));
        byte[] bytes = cipher.doFinal(key.getEncoded());
        // By hand: Java's EncryptedPrivateKeyInfo knows no identifier of PBES2 before Java 19.
        byte[] scheme = der(0x30, concat(PBES2, cipher.getParameters().getEncoded()));
        return der(0x30, concat(scheme, der(0x04, bytes)));
    }

    /** 1.2.840.113549.1.5.13 */
    private static final byte[] PBES2 = {6, 9, 42, (byte) 134, 72, (byte) 134, (byte) 247, 13, 1, 5, 13};

    private static byte[] der(int tag, byte[] content) {
        int length = content.length;
        byte[] head = length < 128
            ? new byte[] {(byte) tag, (byte) length}
            : new byte[] {(byte) tag, (byte) 0x82, (byte) (length >> 8), (byte) length};
        return concat(head, content);
    }

    private static byte[] concat(byte[] first, byte[] second) {
        byte[] both = java.util.Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    private static String armoured(String label, byte[] bytes) {
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes);
        return "-----BEGIN " + label + "-----\n" + text + "\n-----END " + label + "-----\n";
    }
}
