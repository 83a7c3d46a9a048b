/// The file of `auth_file`: a line for each user, `"name" "secret"`, where a quote is doubled. What
/// follows on the line is ignored; lines that start with `;` are comments.
public enum UserList {
  /// The longest user name, in bytes.
  static let maximumNameBytes = 127

  /// Reads a list. Of two lines for one user the last counts. No diagnostic holds any of the text.
  public static func parse(
    _ text: String, file: String
  ) -> (secrets: [String: Secret], diagnostics: [Diagnostic]) {
    parse(Array(text.utf8), file: file)
  }

  static func parse(
    _ bytes: [UInt8], file: String
  ) -> (secrets: [String: Secret], diagnostics: [Diagnostic]) {
    var secrets: [String: Secret] = [:]
    var diagnostics: [Diagnostic] = []
    for (index, bytes) in TextFile.lines(of: bytes).enumerated() {
      let place = SourcePlace(file: file, line: index + 1)
      guard let line = TextFile.text(bytes) else {
        diagnostics.append(.error(place, "the line is not UTF-8 text"))
        continue
      }
      switch entry(Substring(line)) {
      case .success(nil): continue
      case .success(let (name, secret)?): secrets[name] = secret
      case .failure(let problem): diagnostics.append(.error(place, problem.message))
      }
    }
    return (secrets, diagnostics)
  }

  private static func entry(_ line: Substring) -> Result<(String, Secret)?, ValueProblem> {
    var rest = line.drop { $0 == " " || $0 == "\t" }
    if rest.isEmpty || rest.first == ";" { return .success(nil) }
    guard let name = field(&rest), let secret = field(&rest) else {
      return .failure(
        ValueProblem(message: #"a user is written "name" "secret", with quotes doubled inside"#))
    }
    if name.isEmpty { return .failure(ValueProblem(message: "the user name is empty")) }
    if name.utf8.count > maximumNameBytes {
      return .failure(
        ValueProblem(message: "the user name is longer than \(maximumNameBytes) bytes"))
    }
    if secret.utf8.count > Secret.maximumBytes {
      return .failure(
        ValueProblem(message: "the secret is longer than \(Secret.maximumBytes) bytes"))
    }
    return .success((name, Secret(secret)))
  }

  /// Takes one field in double quotes off the front.
  private static func field(_ rest: inout Substring) -> String? {
    var view = rest.drop { $0 == " " || $0 == "\t" }.utf8
    let quote = UInt8(ascii: "\"")
    guard view.popFirst() == quote else { return nil }
    var bytes: [UInt8] = []
    while let byte = view.popFirst() {
      if byte == quote {
        guard view.first == quote else {
          rest = Substring(view)
          return String(decoding: bytes, as: UTF8.self)
        }
        view.removeFirst()
      }
      bytes.append(byte)
    }
    return nil
  }
}
