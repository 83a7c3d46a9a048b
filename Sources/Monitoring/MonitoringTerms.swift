import NIOSSL
import Settings

/// What a reload can change: who may see what, how connections are encrypted, how many tenants have
/// figures of their own.
public struct MonitoringTerms: Sendable {
  let gate: Gate
  /// nil: HTTP without TLS.
  let tls: NIOSSLContext?
  /// Seconds since 1970.
  let certificateExpiry: Double?
  let tenants: Int
  let wanted: Wanted

  /// The settings that it is made of.
  struct Wanted: Equatable {
    let texts: [String]
    let tenants: Int

    init(_ settings: Settings) {
      texts = [
        settings.metricsUser, settings.metricsPassword.text, settings.metricsTlsCertFile,
        settings.metricsTlsKeyFile,
      ]
      tenants = settings.metricsTenants
    }
  }

  /// Reads the certificate.
  init(_ settings: Settings, isLoopback: Bool) throws(MonitoringFailure) {
    // One of them alone would let in whom it should keep out.
    guard settings.metricsUser.isEmpty == settings.metricsPassword.text.isEmpty else {
      throw MonitoringFailure("metrics_user and metrics_password need each other")
    }
    gate = Gate(
      user: settings.metricsUser, password: settings.metricsPassword.text, isLoopback: isLoopback)
    (tls, certificateExpiry) = try Self.tls(settings)
    tenants = settings.metricsTenants
    wanted = Wanted(settings)
  }

  private static func tls(
    _ settings: Settings
  ) throws(MonitoringFailure) -> (NIOSSLContext?, Double?) {
    let (certificate, key) = (settings.metricsTlsCertFile, settings.metricsTlsKeyFile)
    guard certificate.isEmpty == key.isEmpty else {
      throw MonitoringFailure("metrics_tls_cert_file and metrics_tls_key_file need each other")
    }
    if certificate.isEmpty { return (nil, nil) }
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(certificate)
      guard let own = chain.first else {
        throw MonitoringFailure("metrics_tls_cert_file \"\(certificate)\" has no certificate")
      }
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["http/1.1"]
      // Whether they belong together is found out here.
      return (try NIOSSLContext(configuration: configuration), Double(own.notValidAfter))
    } catch let failure as MonitoringFailure {
      throw failure
    } catch {
      throw MonitoringFailure(
        "metrics_tls_cert_file \"\(certificate)\" with metrics_tls_key_file \"\(key)\": \(error)")
    }
  }
}
