/// A setting's value with places that are filled in for each client and tenant, as
/// `tenant_{tenant}`. `{{` and `}}` are braces.
///
/// The template of a list is parted at its own commas and then filled in, element by element: no
/// value that is filled in can add an element.
public struct SettingTemplate: Hashable, Sendable {
  /// What stands in braces.
  public enum Placeholder: Hashable, Sendable {
    case tenant
    /// The login's user name, without a suffix.
    case user
    /// The database's name as clients know it, without a suffix.
    case database
    /// A claim of the client's token.
    case claim(String)
    /// The client's address.
    case clientAddress
    /// The signed tenant.
    case token
  }

  enum Part: Hashable, Sendable {
    case text(String)
    case placeholder(Placeholder)
  }

  /// The longest template in bytes.
  static let maximumBytes = 4096

  /// As it was written.
  public let text: String
  /// One for a value that is no list.
  let elements: [[Part]]

  /// A template for a setting, a list where PostgreSQL has it as a list of names.
  public init(_ text: String, for name: SettingName) throws(TenancyProblem) {
    try self.init(text, isList: name.kind == .names)
  }

  /// - Throws: what is wrong with it, and at which character, counted from 1.
  public init(_ text: String, isList: Bool = false) throws(TenancyProblem) {
    guard text.utf8.count <= Self.maximumBytes else {
      throw TenancyProblem("is longer than \(Self.maximumBytes) bytes")
    }
    guard !text.utf8.contains(0) else { throw TenancyProblem("cannot have a NUL character") }
    var parser = TemplateParser(text)
    self.text = text
    elements = isList ? try parser.parseList() : [try parser.parseValue()]
  }

  /// A value for a setting in which nothing is filled in: braces stand for themselves.
  public init(literal value: String, for name: SettingName) throws(TenancyProblem) {
    guard !value.utf8.contains(0) else { throw TenancyProblem("cannot have a NUL character") }
    var parser = TemplateParser(value, isLiteral: true)
    text = value
    elements = name.kind == .names ? try parser.parseList() : [try parser.parseValue()]
  }

  /// What it needs.
  public var placeholders: Set<Placeholder> {
    var found: Set<Placeholder> = []
    for case .placeholder(let placeholder) in elements.joined() { found.insert(placeholder) }
    return found
  }

  /// Whether it is the tenant's name and nothing else.
  public var isTenantAlone: Bool { elements == [[.placeholder(.tenant)]] }

  /// Whether something is filled in there.
  func isFilled(_ element: Int) -> Bool {
    elements[element].contains { if case .placeholder = $0 { true } else { false } }
  }

  /// The values of its elements.
  /// - Throws: the first placeholder that the context has nothing for.
  func render(_ context: TemplateContext) throws(MissingValue) -> [String] {
    var values: [String] = []
    for element in elements {
      var value = ""
      for part in element {
        switch part {
        case .text(let text): value += text
        case .placeholder(let placeholder):
          guard let filled = context[placeholder] else {
            throw MissingValue(placeholder: placeholder)
          }
          value += filled
        }
      }
      values.append(value)
    }
    return values
  }

  /// A place that there is nothing for.
  struct MissingValue: Error {
    let placeholder: Placeholder
  }
}

extension SettingTemplate.Placeholder: CustomStringConvertible {
  /// As it stands in a template.
  public var description: String {
    switch self {
    case .tenant: "{tenant}"
    case .user: "{user}"
    case .database: "{database}"
    case .claim(let name): "{claim:\(name)}"
    case .clientAddress: "{client_addr}"
    case .token: "{token}"
    }
  }

  init?(_ name: String) {
    switch name {
    case "tenant": self = .tenant
    case "user": self = .user
    case "database": self = .database
    case "client_addr": self = .clientAddress
    case "token": self = .token
    default:
      guard name.hasPrefix("claim:"), name.utf8.count > 6 else { return nil }
      self = .claim(String(name.dropFirst(6)))
    }
  }
}

/// What is filled into templates.
public struct TemplateContext: Hashable, Sendable {
  public var tenant: TenantName
  /// The login's user name, without a suffix.
  public var user: String
  /// The database's name as clients know it, without a suffix.
  public var database: String
  public var clientAddress: String
  public var claims: [String: String]
  /// The signed tenant; nil where nothing signs.
  public var token: String?

  public init(
    tenant: TenantName, user: String, database: String, clientAddress: String,
    claims: [String: String] = [:], token: String? = nil
  ) {
    self.tenant = tenant
    self.user = user
    self.database = database
    self.clientAddress = clientAddress
    self.claims = claims
    self.token = token
  }

  subscript(placeholder: SettingTemplate.Placeholder) -> String? {
    switch placeholder {
    case .tenant: tenant.text
    case .user: user
    case .database: database
    case .claim(let name): claims[name]
    case .clientAddress: clientAddress
    case .token: token
    }
  }
}
