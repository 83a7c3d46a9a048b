import PostgresAuth
import PostgresWire

/// Logins: what clients answer, and what servers ask.
///
/// The first byte tells the side, the method and the secret; runs of bytes follow, one a message's
/// body. Salts and nonces are the same each time, so that a login may succeed.
enum LoginFuzz {
  static let user = "anna"
  static let password = "secret"
  static let random = Array(0..<UInt8(32))

  static func run(_ input: [UInt8]) throws(Finding) {
    var choices = Choices(input)
    let kind = choices.byte()
    let secret = secret(kind >> 4)
    try checkSecret(choices.rest)
    if kind & 8 == 0 {
      let methods: [ClientAuthMethod] = [.trust, .plain, .md5, .scram]
      try logIn(&choices, methods[Int(kind & 3)], secret)
    } else {
      try answer(&choices, secret)
    }
  }

  private static func secret(_ kind: UInt8) -> StoredSecret? {
    switch kind & 3 {
    case 0: .plain(password)
    case 1: MD5Auth.hash(user: user, password: Array(password.utf8)).map(StoredSecret.md5)
    case 2:
      ScramVerifier.make(password: password, iterations: 1, salt: Array(0..<16))
        .map(StoredSecret.scram)
    default: nil
    }
  }

  /// A secret as it stands in a file, or in pg_authid.
  private static func checkSecret(_ bytes: [UInt8]) throws(Finding) {
    let text = String(decoding: bytes, as: UTF8.self)
    switch StoredSecret(text) {
    case .scram(let verifier):
      try check(ScramVerifier(verifier.text) == verifier, "another verifier when written again")
    case .md5(let digits): try check(digits.utf8.count == 32, "\(digits.utf8.count) digits")
    case .plain(let plain): try check(plain == text, "another password")
    }
  }

  private static func logIn(
    _ choices: inout Choices, _ method: ClientAuthMethod, _ secret: StoredSecret?
  ) throws(Finding) {
    var login = ClientAuthenticator(
      method: method, user: user, secret: secret, userExists: true, randomBytes: random,
      scramIterations: 1, saltKey: random)
    var step = login.start()
    var messages = 0
    while case .send(let bytes) = step {
      try checkFrames(bytes)
      let body = choices.run()
      try checkClientMessage(body)
      step = login.receive(passwordMessageBody: body)
      messages += 1
      try check(messages <= 2, "a login of \(messages) messages")
      if method == .plain, secret == .plain(password) {
        let isRight = body == Array(password.utf8) + [0]
        try check(isRight == step.isSuccess, "\(isRight ? "refuses" : "takes") a password")
      }
    }
    try check(!step.isSuccess || secret != nil || method == .trust, "logs in without a secret")
    let after = login.receive(passwordMessageBody: choices.run())
    try check(!after.isSuccess, "succeeds after its end")
  }

  private static func checkClientMessage(_ body: [UInt8]) throws(Finding) {
    var writer = MessageWriter()
    if let password = PasswordMessage.parse(body) {
      writer.password(password)
    } else if let response = SASLInitialResponse.parse(body), let data = response.data,
      !response.mechanism.unicodeScalars.contains("\u{FFFD}")
    {
      writer.saslInitialResponse(mechanism: response.mechanism, data: data)
    } else {
      return
    }
    try check(Array(writer.bytes.dropFirst(5)) == body, "another message when written again")
  }

  private static func answer(_ choices: inout Choices, _ secret: StoredSecret?) throws(Finding) {
    var login = ServerAuthenticator(user: user, secret: secret, scramKeys: nil, nonce: random)
    var messages = 0
    while !choices.isAtEnd {
      let body = choices.run()
      guard let request = AuthenticationRequest.parse(body) else { continue }
      try checkRequest(request, body)
      messages += 1
      switch login.receive(request) {
      case .send(let bytes): try checkFrames(bytes)
      case .wait: break
      case .succeeded: try check(request == .ok, "succeeds without AuthenticationOk")
      case .failed(let reason): try check(!reason.isEmpty, "fails without a reason")
      }
    }
  }

  private static func checkRequest(
    _ request: AuthenticationRequest, _ body: [UInt8]
  ) throws(Finding) {
    var writer = MessageWriter()
    switch request {
    case .ok: writer.authenticationOk()
    case .cleartextPassword: writer.authenticationCleartextPassword()
    case .md5Password(let salt): writer.authenticationMD5Password(salt: salt)
    case .sasl(let mechanisms):
      if mechanisms.contains(where: { $0.unicodeScalars.contains("\u{FFFD}") }) { return }
      writer.authenticationSASL(mechanisms: mechanisms)
    case .saslContinue(let data): writer.authenticationSASLContinue(data)
    case .saslFinal(let data): writer.authenticationSASLFinal(data)
    case .unsupported: return
    }
    try check(Array(writer.bytes.dropFirst(5)) == body, "another request when written again")
  }

  /// What is sent is made of whole messages.
  static func checkFrames(_ bytes: [UInt8]) throws(Finding) {
    var position = 0
    while position + 5 <= bytes.count {
      let length = bytes[position + 1..<position + 5].reduce(0) { $0 << 8 | Int($1) }
      try check(length >= 4, "a message of \(length) bytes is sent")
      position += 1 + length
    }
    try check(position == bytes.count, "a part of a message is sent")
  }
}

extension AuthStep {
  fileprivate var isSuccess: Bool {
    if case .succeeded = self { true } else { false }
  }
}
