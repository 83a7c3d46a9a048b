import CFuzzer
import Glibc

/// libFuzzer around one of the targets: `fuzz TARGET [libFuzzer's arguments]`.
///
/// Scheduling of inputs, coverage and the rest is libFuzzer's; see its `-help=1`.
@MainActor func runFuzzer() -> Int32 {
  guard CommandLine.arguments.count > 1,
    let target = FuzzTarget(rawValue: CommandLine.arguments[1])
  else {
    print("usage: fuzz TARGET [-help=1]")
    for target in FuzzTarget.allCases { print("  \(target.rawValue)") }
    return 2
  }
  chosen = target
  // The target's name is no argument of libFuzzer's.
  var count = CommandLine.argc - 1
  var values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
  return LLVMFuzzerRunDriver(&count, &values) { data, size in
    do {
      try chosen.run([UInt8](UnsafeRawBufferPointer(start: data, count: size)))
    } catch {
      fatalError("\(error)")
    }
    return 0
  }
}

/// Set once, before the first input.
nonisolated(unsafe) var chosen = FuzzTarget.sql

let status = runFuzzer()
exit(status)
