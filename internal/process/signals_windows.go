package process

// fatalSignals end a process.
var fatalSignals = endSignals
