// A TLS server on Java's JSSE: Server.java ADDRESS PORT KEYSTORE PASSWORD
import java.io.FileInputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

class Server {
    public static void main(String[] args) throws Exception {
        char[] password = args[3].toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream file = new FileInputStream(args[2])) {
            store.load(file, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        var listener = context.getServerSocketFactory().createServerSocket(
            Integer.parseInt(args[1]), 16, InetAddress.getByName(args[0]));
        while (true) {
            SSLSocket connection = (SSLSocket) listener.accept();
            new Thread(() -> serve(connection)).start();
        }
    }

    private static void serve(SSLSocket connection) {
        try (connection) {
            connection.setSoTimeout(10_000);
            connection.getInputStream().read();
        } catch (java.io.IOException error) {
            // A client that speaks no TLS is what this server is here to meet.
        }
    }
}
