enum ServerFuzz { static func run(_ input: [UInt8]) throws(Finding) {} }
