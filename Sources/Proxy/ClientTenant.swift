import Pooling
import Tenancy

typealias TenantPointer = UnsafeMutablePointer<ClientTenant>

/// Under which tenant a client's statements run, and what servers are told for it.
///
/// At an address of its own: only clients of a configuration with tenants have one. Its bytes are
/// kept by hand, so that the hot path counts no references.
struct ClientTenant: ~Copyable {
  /// nil: it acts for nobody.
  var name: TenantName?
  /// Its login acts without a tenant, and may set what it likes.
  let isExempt: Bool
  /// Nothing of it runs before it has named a tenant.
  var isAwaited: Bool { name == nil && !isExempt }
  /// Whom it has named in the transaction at hand.
  private(set) var naming = TenantNaming()
  /// There is something in `naming`.
  private var isNaming = false
  /// Nothing of it may run now.
  var isNobody: Bool { naming.said == .nothing ? isAwaited : naming.said == .nobody }
  /// It is nobody, or may be with the next statement: all that it sends is read.
  var isRead: Bool { isAwaited || naming.wasNobody }
  /// What it runs by Execute is looked at.
  var looksAtExecutes: Bool { isNobody || naming.isDue }
  /// For whom it acts from now on is known once its server has been asked: a statement may have
  /// changed that. No preamble is put before.
  var isUnsettled = false
  /// What the login came to: what RESET brings back.
  let origin: TenantName?

  /// Its tenant's place among those that share servers.
  var share = TenantID.none

  /// application_name_add_tenant: what servers have for its application_name.
  var shownName: ShownName?
  /// There is a `shownName`.
  var showsName = false

  private(set) var statementCount = 0
  /// What each of the statements sets, for the log.
  private(set) var settingNames: [String] = []
  private(set) var aside = KeptBytes()
  private(set) var prefix = KeptBytes()
  private(set) var batch = KeptBytes()
  /// Where names in statements lead: the tenant's search_path and role. Prepared statements are
  /// shared with those who have the same.
  private(set) var space: [UInt8] = []
  /// Of the rules that it was made by; see `Worker.tenancyEpoch`.
  var epoch: UInt32 = 0
  /// When it is to be made anew, in microseconds: what is signed in it ends.
  var renewAt = UInt64.max

  init(_ origin: TenantName?, isExempt: Bool) {
    self.origin = origin
    self.isExempt = isExempt
    name = origin
  }

  /// Changes what has been named. Only of one whose login came to nobody.
  mutating func changeNaming<Result>(_ change: (inout TenantNaming) -> Result) -> Result {
    isNaming = true
    return change(&naming)
  }

  /// A transaction begins.
  mutating func forgetNaming() {
    guard isNaming else { return }
    isNaming = false
    naming = TenantNaming()
  }

  mutating func set(_ preamble: Preamble) {
    space = preamble.space
    statementCount = preamble.statements.count
    settingNames = preamble.names
    aside.set(preamble.aside)
    prefix.set(preamble.prefix)
    batch.set(preamble.batch)
  }

  /// Gives back what it holds by hand. Whoever ends a client calls it.
  mutating func release() {
    aside.release()
    prefix.release()
    batch.release()
  }
}
