/// A name of an allow-list: `*` stands for any characters or none, `?` for one character, all else
/// for itself. Nothing is folded: neither case nor Unicode spellings.
public struct TenantGlob: Hashable, Sendable {
  /// As it was written.
  public let text: String
  private let scalars: [Unicode.Scalar]

  /// - Throws: where it could match no tenant's name.
  public init(_ text: String) throws(TenancyProblem) {
    guard !text.isEmpty else { throw TenancyProblem("has an empty name in its list") }
    guard text.utf8.count <= 2 * TenantName.maximumBytes else {
      throw TenancyProblem("has a name of more than \(2 * TenantName.maximumBytes) bytes")
    }
    self.text = text
    scalars = Array(text.unicodeScalars)
  }

  /// Whether the whole name matches. The time is at most the product of both lengths: of the stars
  /// only the last one met is tried again.
  public func matches(_ name: TenantName) -> Bool {
    let name = Array(name.text.unicodeScalars)
    var at = 0
    var own = 0
    var retry: (own: Int, at: Int)?
    while at < name.count {
      if own < scalars.count, scalars[own] == "*" {
        own += 1
        retry = (own, at)
      } else if own < scalars.count, scalars[own] == "?" || scalars[own] == name[at] {
        own += 1
        at += 1
      } else if let last = retry {
        retry = (last.own, last.at + 1)
        own = last.own
        at = last.at + 1
      } else {
        return false
      }
    }
    return scalars[own...].allSatisfy { $0 == "*" }
  }
}
