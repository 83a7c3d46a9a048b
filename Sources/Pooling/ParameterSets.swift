/// Sets of tracked parameters (client_encoding, DateStyle, ...), each kept once however many
/// connections have it, so that a client and a server are compared by number.
///
/// Counted: a set goes when the last connection that has it lets go, so what clients send at login
/// can't grow it beyond the number of connections.
public struct ParameterSets: Sendable {
  /// Names a set. Equal sets have equal numbers.
  public typealias Number = Int32
  public typealias Values = [String?]

  /// PgBouncer's tracked parameters, in the server's spelling.
  public static let standardNames = [
    "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", "application_name",
  ]

  private struct Entry: Sendable {
    var values: Values
    var uses: Int
  }

  /// The tracked names, in the order of a set's values.
  public let names: [String]
  private let indices: [String: Int]
  private var entries: [Entry?] = []
  private var free: [Number] = []
  private var numbers: [Values: Number] = [:]

  /// - Parameter extra: the setting track_extra_parameters.
  public init(extra: [String]) {
    var names = Self.standardNames
    for name in extra where !names.contains(where: { $0.lowercased() == name.lowercased() }) {
      names.append(name)
    }
    self.names = names
    indices = Dictionary(
      uniqueKeysWithValues: names.enumerated().map { ($1.lowercased(), $0) })
  }

  /// The place of a parameter in a set; nil where it is not tracked. Case does not matter.
  public func index(of name: String) -> Int? { indices[name.lowercased()] }

  /// A set in which nothing is known.
  public var unknown: Values { Values(repeating: nil, count: names.count) }

  public func values(_ number: Number) -> Values {
    guard number >= 0, let entry = entries[Int(number)] else { return unknown }
    return entry.values
  }

  /// The number of a set, with one more use of it.
  public mutating func intern(_ values: Values) -> Number {
    if let number = numbers[values] {
      entries[Int(number)]?.uses += 1
      return number
    }
    let number: Number
    if let reused = free.popLast() {
      number = reused
      entries[Int(reused)] = Entry(values: values, uses: 1)
    } else {
      number = Number(entries.count)
      entries.append(Entry(values: values, uses: 1))
    }
    numbers[values] = number
    return number
  }

  /// Counts one more use.
  public mutating func retain(_ number: Number) {
    guard number >= 0 else { return }
    entries[Int(number)]?.uses += 1
  }

  /// Counts one use less.
  public mutating func release(_ number: Number) {
    guard number >= 0, var entry = entries[Int(number)] else { return }
    entry.uses -= 1
    if entry.uses > 0 {
      entries[Int(number)] = entry
      return
    }
    numbers[entry.values] = nil
    entries[Int(number)] = nil
    free.append(number)
  }

  /// How many different sets are kept.
  public var count: Int { numbers.count }

  /// What a server with the set `from` must SET to serve a client with the set `to`. A nil value
  /// means RESET: the client has none of its own, and the server has one that was SET for another.
  public func difference(
    from: Number, to: Number
  ) -> [(name: String, value: String?)] {
    let have = values(from)
    let want = values(to)
    return names.indices.compactMap { index in
      want[index] == have[index] ? nil : (names[index], want[index])
    }
  }
}
