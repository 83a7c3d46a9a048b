/// Whom a client has named in the transaction at hand, of those that may come to act for nobody.
///
/// What is said holds from when it is run. So a portal that says something, or that ends the
/// transaction and with it what was said, is run before anything else is bound; and nobody runs but
/// what it has bound itself, as it may have bound the rest when it was somebody.
struct TenantNaming {
  enum Said: Sendable { case nothing, somebody, nobody }

  private(set) var said = Said.nothing
  /// Nobody has been named: whom the client acts for once the transaction ends can't be told.
  private(set) var wasNobody = false
  /// A portal that is bound and has not been run, and what is said once it has been.
  private var due: (portal: [UInt8], said: Said)?
  var isDue: Bool { due != nil }
  /// The portal that was bound last by nobody.
  private var bound: [UInt8]?

  /// - Parameter portal: the one that says so when it is run; nil: it is said.
  mutating func say(_ new: Said, portal: [UInt8]?) {
    if new == .nobody { wasNobody = true }
    if let portal {
      due = (portal, new)
    } else {
      (said, due, bound) = (new, nil, nil)
    }
  }

  /// The transaction ends, or may.
  mutating func end(portal: [UInt8]?) { say(wasNobody ? .nobody : .nothing, portal: portal) }

  mutating func bind(portal: [UInt8]) { bound = portal }

  /// A portal is run.
  /// - Returns: false: it may not be.
  mutating func run(_ portal: [UInt8], isNobody: Bool) -> Bool {
    if let due {
      guard due.portal == portal else { return false }
      (said, bound) = (due.said, portal)
      self.due = nil
      return true
    }
    return !isNobody || bound == portal
  }
}
