/// A row of the table of tenants, as `tenants_query` gives it.
///
/// A column with a name of `[tenants.NAME]` is that key: the limits, `dbname`, `host` (one) and
/// `port`.
/// `tenant`, if there is one, must be the tenant that was asked for. Every other column is a
/// setting, which has to be one of `[tenancy.settings]` too, so that the protected names are known
/// before any row is. NULL says nothing. Values are taken as they are: nothing is filled in.
public struct TenantRow: Sendable {
  public let override: TenantOverride

  /// - Throws: what of the row cannot be used; it names the column, never its value.
  public init(
    _ columns: [(name: String, value: String?)], for tenant: TenantName, rules: TenancyRules
  ) throws(TenancyProblem) {
    var override = TenantOverride()
    var dbname: String?
    var host: String?
    var port: Int?
    var seen: Set<String> = []
    for (name, value) in columns {
      let key = name.lowercased()
      guard seen.insert(key).inserted else { throw Self.problem(key, "stands twice") }
      guard let value else { continue }
      switch key {
      case "tenant":
        guard value.utf8.elementsEqual(tenant.text.utf8) else {
          throw Self.problem(key, "is another tenant's")
        }
      case "dbname": dbname = try Self.database(value)
      case "host": host = try Self.host(value)
      case "port": port = try Self.number(value, 1...65_535, key)
      default:
        if let path = Self.limits[key] {
          let range = key == "weight" ? 1...TenantLimits.maximumWeight : 0...Int(Int32.max)
          override.limits[keyPath: path] = try Self.number(value, range, key)
        } else {
          override.settings.append(try Self.setting(key, value, rules))
        }
      }
    }
    do {
      override.database = try DatabaseIsolation(literalDbname: dbname, host: host, port: port)
    } catch {
      throw Self.problem("dbname or host", error.message)
    }
    self.override = override
  }

  /// The server cuts a longer name short, and two tenants could share what is left.
  private static func database(_ text: String) throws(TenancyProblem) -> String {
    guard (1...SettingName.maximumBytes).contains(text.utf8.count), !text.utf8.contains(0) else {
      throw problem("dbname", "takes 1 to \(SettingName.maximumBytes) bytes")
    }
    return text
  }

  private static var longestHost: Int { 253 }

  /// One name or address. Not the folder of a unix socket: behind it the pooler's own account may
  /// be let in without a password, and that is not for whoever may write to the table.
  private static func host(_ text: String) throws(TenancyProblem) -> String {
    let isHost = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-_.:".utf8.contains(byte)
      }
    }
    guard isHost, (1...longestHost).contains(text.utf8.count) else {
      throw problem("host", "takes the name or the address of one host")
    }
    return text
  }

  private static var limits: [String: WritableKeyPath<TenantLimits.Overrides, Int?>] {
    [
      "weight": \.weight, "max_server_connections": \.maxServerConnections,
      "max_waiting_clients": \.maxWaitingClients,
      "max_client_connections": \.maxClientConnections,
      "max_transactions_per_second": \.maxTransactionsPerSecond,
      "transactions_burst": \.transactionsBurst,
    ]
  }

  private static func setting(
    _ key: String, _ value: String, _ rules: TenancyRules
  ) throws(TenancyProblem) -> NamedTemplate {
    guard let known = rules.settings.first(where: { $0.name.key == key }) else {
      throw problem(key, "is no setting of [tenancy.settings]")
    }
    if known.name == rules.tokenName { throw problem(key, "has the token") }
    do {
      return NamedTemplate(known.name, try SettingTemplate(literal: value, for: known.name))
    } catch {
      throw problem(key, error.message)
    }
  }

  private static func number(
    _ text: String, _ range: ClosedRange<Int>, _ key: String
  ) throws(TenancyProblem) -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw problem(key, "takes \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// The names of columns come from the database, and not all of them are printed.
  private static func problem(_ key: String, _ message: String) -> TenancyProblem {
    let isPlain = key.utf8.count <= 63 && key.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    return TenancyProblem("the column \(isPlain ? "\"\(key)\"" : "of another name") \(message)")
  }
}
