import TestSupport

/// What clients do, kind by kind. Each has a function of its own in an extension of ``Traffic``.
enum TrafficKind: String, CaseIterable, Sendable {
  // Within one transaction.
  case simple, simpleError, empty, large, notice, functionCall
  case transaction, chain, dropOnCommit
  case unnamed, unnamedError, unnamedFlush
  case portal, cursor
  case pipeline, unsynced
  case copyIn, copyOut, copyExtended, copyFailure
  // What a session keeps.
  case startup, startupSpelling, reconnect
  case trackedSetting, trackedSettingInTransaction
  case setting, settingInTransaction, setConfig, setLocal, resetSetting
  case sessionCharacteristics, role
  case unnamedAcross, named, namedNasty, namedBatch
  case deallocate, discardAll
  case sqlPrepare, sqlAndProtocol
  case temporaryTable, holdCursor, advisoryLock, sequence
  case alteredTable, sessionViews

  /// How often it is chosen, in comparison with the others.
  var weight: Int {
    switch self {
    case .named: 30
    case .simple, .unnamed, .transaction, .pipeline, .namedBatch: 12
    case .portal, .unnamedFlush, .namedNasty: 8
    case .simpleError, .unnamedError, .copyIn, .copyExtended, .copyFailure: 6
    case .cursor, .copyOut, .setting, .settingInTransaction, .setConfig, .setLocal: 4
    case .trackedSetting, .trackedSettingInTransaction, .unnamedAcross, .chain, .sqlPrepare: 4
    case .empty, .notice, .functionCall, .deallocate, .temporaryTable, .holdCursor: 3
    case .resetSetting, .advisoryLock, .sequence, .unsynced, .dropOnCommit: 3
    case .large, .reconnect, .discardAll, .sqlAndProtocol, .alteredTable: 2
    case .sessionCharacteristics, .role, .sessionViews: 2
    // Once a client, not among its acts.
    case .startup, .startupSpelling: 0
    }
  }

  /// What Sluice answers as PostgreSQL does in transaction mode. What is left out here is either
  /// session state that it does not keep, or documented as different.
  static let enabled: Set<TrafficKind> = [
    .simple, .simpleError, .empty, .large, .notice, .functionCall,
    .transaction, .chain, .dropOnCommit,
    .unnamed, .unnamedError, .unnamedFlush,
    .portal, .cursor,
    .pipeline,
    .copyIn, .copyOut, .copyExtended, .copyFailure,
    .startup, .reconnect,
    .trackedSetting, .trackedSettingInTransaction, .setLocal,
    .setting, .settingInTransaction, .setConfig, .sessionCharacteristics, .role,
    .named, .namedBatch, .namedNasty, .unnamedAcross, .deallocate,
    .sqlPrepare, .temporaryTable, .holdCursor, .advisoryLock,
  ]

  /// Those with statements that have names.
  static let naming: Set<TrafficKind> = [
    .named, .namedBatch, .namedNasty, .deallocate, .discardAll, .sqlPrepare, .sqlAndProtocol,
    .alteredTable, .sessionViews, .unnamedAcross,
  ]

  /// Those after which a client keeps its server for a while.
  static let pinning: Set<TrafficKind> = [
    .sqlPrepare, .sqlAndProtocol, .temporaryTable, .holdCursor, .advisoryLock,
  ]

  /// What a client with a tenant may not do as it likes.
  static let differentWithTenants: Set<TrafficKind> = [.setConfig, .role]

  static func pick(_ random: inout SeededGenerator) -> TrafficKind {
    var left = random.below(allCases.reduce(0) { $0 + $1.weight })
    for kind in allCases {
      left -= kind.weight
      if left < 0 { return kind }
    }
    return .simple
  }
}
