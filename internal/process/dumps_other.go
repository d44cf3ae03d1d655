//go:build !unix

package process

// DisableDumps does nothing: on Windows, Go's runtime keeps Windows Error Reporting from
// writing a dump, unless GOTRACEBACK is wer.
func DisableDumps() (allow func()) { return func() {} }
