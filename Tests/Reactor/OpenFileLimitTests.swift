import Glibc
import Reactor
import Testing

@Suite struct OpenFileLimitTests {
  @Test func `the soft limit is raised to the hard one at least`() {
    var before = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before)
    let now = OpenFileLimit.raise(to: 64)
    #expect(now == UInt64(before.rlim_max))
    var after = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &after)
    #expect(UInt64(after.rlim_cur) == now)
  }
}
