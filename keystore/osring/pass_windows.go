package osring

// The library has no pass on Windows.
const hasPass = false

func passDir() string { return "" }

func passReachable() error { return nil }

func (s *Store) runPass(do func() error) error { return s.explain(do()) }
