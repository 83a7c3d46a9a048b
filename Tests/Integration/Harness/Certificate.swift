import Glibc
import Testing

/// A certificate of one's own for 127.0.0.1, and its key, in files that everybody may read.
struct Certificate {
  let certificate: String
  let key: String

  /// Makes one, or makes it anew in the same files.
  init(in directory: String) throws {
    (certificate, key) = (directory + "/cert.pem", directory + "/key.pem")
    let made = try Subprocess.run([
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
      "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=IP:127.0.0.1",
    ])
    try #require(made.succeeded, "\(made.standardError)")
    chmod(directory, 0o755)
    chmod(key, 0o644)
  }

  var settings: SluiceConfiguration.Section {
    ["metrics_tls_cert_file": .text(certificate), "metrics_tls_key_file": .text(key)]
  }

  /// Whether a client that trusts this certificate alone gets metrics by HTTPS.
  static func isServed(_ certificate: String, port: UInt16) throws -> Bool {
    try metrics(certificate, port: port).contains("sluice_clients")
  }

  /// What a client that trusts this certificate alone gets by HTTPS; empty: nothing.
  static func metrics(_ certificate: String, port: UInt16) throws -> String {
    let script = """
      import ssl, sys, urllib.request
      context = ssl.create_default_context(cafile=sys.argv[1])
      url = f"https://127.0.0.1:{sys.argv[2]}/metrics"
      answer = urllib.request.urlopen(url, context=context, timeout=20)
      print(answer.read().decode())
      """
    let run = try Subprocess.run(["/usr/bin/python3", "-c", script, certificate, "\(port)"])
    return run.standardOutput
  }
}
