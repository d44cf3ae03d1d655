//go:build !unix

package dumps

// Forbid does nothing: on Windows Go's runtime has Windows Error Reporting
// write no dump, unless GOTRACEBACK=wer asks for one.
func Forbid() (allow func()) { return func() {} }
