import Admin
import Logging
import Logs
import Pooling
import Reactor
import Settings
import Synchronization

// What the console's commands do. Each ends in `finish`.
extension Worker {
  func run(_ command: ConsoleCommand, _ client: ClientPointer, _ console: ConsoleClient) {
    let serial = console.serial
    logCommand(command, client)
    switch command {
    case .show(let table, _): show(table) { self.finish(client, serial, .table($0)) }
    case .showHelp, .constant, .nothing, .ignored: finish(client, serial, .done)
    case .set(let name, let value):
      askFirst(.set(name: name, value: value), client, serial)
    case .reload:
      askFirst(.reload, client, serial)
    case .shutdown(let mode):
      askFirst(.shutdown(mode), client, serial)
    case .pause(nil), .resume(nil), .suspend:
      finishOrWait(client, console, runOnAll(command, console))
    case .pause(let name?), .resume(let name?), .enable(let name), .disable(let name):
      finishOrWait(client, console, run(command, on: name, console))
    case .reconnect(let name), .waitClose(let name):
      finishOrWait(client, console, renew(command, name, console))
    case .kill(let name):
      if let error = refusal(of: name, verb: "kill") {
        return finish(client, serial, .failed(error))
      }
      if let name { _ = pooler.pause(database: name) } else { pooler.pause() }
      ask(.kill(.database(name))) { _ in self.finish(client, serial, .done) }
    case .killClient(let id): kill(.number(id), client, serial)
    case .killClientAt(let handle): kill(.place(handle), client, serial)
    }
  }

  /// Each command that changes something is in the log, always.
  private func logCommand(_ command: ConsoleCommand, _ client: ClientPointer) {
    let text: String
    switch command {
    case .show, .showHelp, .constant, .nothing, .ignored: return
    case .reload: text = "RELOAD, re-reading config"
    case .shutdown(.immediate): text = "SHUTDOWN"
    case .shutdown(.waitForServers): text = "SHUTDOWN WAIT_FOR_SERVERS"
    case .shutdown(.waitForClients): text = "SHUTDOWN WAIT_FOR_CLIENTS"
    // Not the value, which may be a secret.
    case .set(let name, _): text = "SET \(name)"
    case .suspend: text = "SUSPEND"
    case .pause(let name), .resume(let name), .kill(let name), .reconnect(let name),
      .waitClose(let name):
      text = command.tag + (name.map { " \($0)" } ?? "")
    case .enable(let name), .disable(let name): text = "\(command.tag) \(name)"
    case .killClient(let id): text = "\(command.tag) \(id)"
    case .killClientAt(let handle): text = "\(command.tag) 0x\(String(handle, radix: 16))"
    }
    log(.info, .command, .client(client), text)
  }

  private func finishOrWait(
    _ client: ClientPointer, _ console: ConsoleClient, _ outcome: ConsoleOutcome?
  ) {
    // It may be over at once.
    if let outcome = outcome ?? console.isDone?() { finish(client, console.serial, outcome) }
  }

  /// Has the first loop do something, which reads the configuration and has the signals.
  private func askFirst(_ question: Question, _ client: ClientPointer, _ serial: UInt64) {
    ask(question, of: [0]) { reports in
      self.finish(client, serial, reports.first?.error.map { .failed($0) } ?? .done)
    }
  }

  private func kill(_ victims: Question.Victims, _ client: ClientPointer, _ serial: UInt64) {
    ask(.kill(victims)) { reports in
      let killed = reports.reduce(0) { $0 + $1.killed }
      self.finish(client, serial, killed > 0 ? .done : .failed(.clientNotFound))
    }
  }

  /// - Returns: nil: it waits for what the console's client is told of.
  private func runOnAll(_ command: ConsoleCommand, _ console: ConsoleClient) -> ConsoleOutcome? {
    if pooler.isShuttingDown { return .failed(.isShuttingDown) }
    switch command {
    case .resume:
      guard pooler.rest != .none else { return .failed(.isNotPaused) }
      let wasSuspended = pooler.isSuspended
      pooler.resume()
      if wasSuspended { pooler.broadcast(.goOnReading) }
      return .done
    case .suspend:
      guard pooler.rest == .none else { return .failed(.isPaused) }
      pooler.suspend()
      let timeout = settings.suspendTimeout.microseconds
      waitForSilence(console, until: timeout == 0 ? .max : now &+ timeout)
    default:
      guard pooler.rest == .none else { return .failed(.isPaused) }
      pooler.pause()
      console.isDone = { [pooler] in
        if pooler.rest != .paused { return .done }
        return pooler.pools.withLock { $0.serverCount } == 0 ? .done : nil
      }
    }
    return nil
  }

  /// Waits until all clients have taken what was sent to them; those that do not are closed.
  private func waitForSilence(_ console: ConsoleClient, until deadline: UInt64) {
    var isSilent = false
    var isAsking = false
    console.isDone = { [weak self] in
      guard let self, self.pooler.isSuspended, !isSilent else { return .done }
      if isAsking { return nil }
      isAsking = true
      self.ask(.suspend(closesBlocked: self.now >= deadline)) { reports in
        isAsking = false
        isSilent = reports.allSatisfy { $0.blocked == 0 }
      }
      return nil
    }
  }

  private func run(
    _ command: ConsoleCommand, on name: String, _ console: ConsoleClient
  ) -> ConsoleOutcome? {
    if let error = refusal(of: name, verb: command.tag.lowercased()) { return .failed(error) }
    switch command {
    case .pause:
      if pooler.isShuttingDown { return .failed(.isShuttingDown) }
      guard pooler.rest == .none, pooler.pause(database: name) else { return .failed(.isPaused) }
      console.isDone = { [weak self] in
        guard let self else { return .done }
        let isPaused = self.pooler.directory.withLock { $0.pausedDatabases.contains(name) }
        let isEmpty = self.pooler.serverCounts(database: name, now: self.now).all == 0
        return isEmpty || !isPaused ? .done : nil
      }
      return nil
    case .resume:
      if pooler.isShuttingDown { return .failed(.isShuttingDown) }
      if pooler.resume(database: name) { return .done }
      return .failed(ConsoleError("database \(name) is not paused"))
    case .enable: pooler.setDisabled(false, database: name)
    default: pooler.setDisabled(true, database: name)
    }
    return .done
  }

  private func renew(
    _ command: ConsoleCommand, _ name: String?, _ console: ConsoleClient
  ) -> ConsoleOutcome? {
    if let error = refusal(of: name, verb: command.tag.lowercased()) { return .failed(error) }
    guard case .waitClose = command else {
      pooler.reconnect(database: name)
      return .done
    }
    console.isDone = { [weak self] in
      guard let self else { return .done }
      return self.pooler.serverCounts(database: name, now: self.now).outdated == 0 ? .done : nil
    }
    return nil
  }

  /// Why a command can't be about that database; nil: it can.
  private func refusal(of name: String?, verb: String) -> ConsoleError? {
    guard let name else { return nil }
    if Console.isNamed(name, in: settings) {
      return ConsoleError("cannot \(verb) admin db: \(name)")
    }
    let isKnown = pooler.directory.withLock { directory in
      directory.settings.databases[name] != nil
        || directory.routes.contains { $0?.database.name == name }
    }
    return isKnown ? nil : .noSuchDatabase(name)
  }

  // MARK: on each loop

  /// Ends clients of this loop that an administrator wants gone.
  /// - Returns: how many.
  func kill(_ victims: Question.Victims) -> Int {
    var doomed: [ClientPointer] = []
    clients.forEachPlace { client in
      guard client.pointee.phase != .unused, client.pointee.phase != .closed else { return }
      let isVictim =
        switch victims {
        case .number(let number): client.pointee.identity?.number == number
        case .place(let handle): client.asHandle == handle
        case .database(let name):
          client.pointee.phase != .console && client.pointee.pool.rawValue >= 0
            && (name == nil || route(client.pointee.pool)?.database.name == name)
        }
      if isVictim { doomed.append(client) }
    }
    for client in doomed { endClient(client, .adminDisconnect) }
    return doomed.count
  }

  /// Stops reading what clients send, but for the console's.
  /// - Parameter closesBlocked: end those who do not take what was sent to them.
  /// - Returns: how many have not.
  func suspend(closesBlocked: Bool) -> Int {
    var blocked: [ClientPointer] = []
    if id == 0 { restListening() }
    clients.forEachPlace { client in
      switch client.pointee.phase {
      case .unused, .closed, .console: return
      case .login, .idle, .waiting, .granted, .preparing, .active: break
      }
      if client.pointee.stream.isBlocked {
        blocked.append(client)
      } else {
        engine.remove(fd: client.pointee.stream.fd)
      }
    }
    guard closesBlocked else { return blocked.count }
    for client in blocked { endClient(client, .suspendTimeout) }
    return 0
  }

  /// Reads again what clients send.
  func resumeReading() {
    if id == 0 { startListening() }
    clients.forEachPlace { client in
      switch client.pointee.phase {
      case .unused, .closed, .console: return
      case .login, .idle, .waiting, .granted, .preparing, .active: break
      }
      // Who was blocked is still known to the engine, which then says so.
      _ = engine.add(fd: client.pointee.stream.fd, token: client.asHandle | Token.client)
    }
  }

  /// SET, on the first loop.
  func set(_ name: String, to value: String) -> ConsoleError? {
    let old = pooler.settings
    guard let definition = SettingDefinition.named(name.lowercased()) else {
      return ConsoleError("unknown configuration parameter: \(name)")
    }
    guard definition.isReloadable else {
      return ConsoleError("SET failed: \(definition.name) can't be changed without a restart")
    }
    do {
      let changed = try old.setting(definition.name, to: value, origin: .console)
      if let reason = settingsChange?(changed) { return ConsoleError("SET failed: \(reason)") }
      pooler.reload(changed)
    } catch {
      return ConsoleError("SET failed: \(error.message)", sqlstate: "22023")
    }
    return nil
  }
}
