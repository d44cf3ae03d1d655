//go:build !unix

package process

// ForbidDumps does nothing: on Windows Go's runtime has Windows Error Reporting
// write no dump, unless GOTRACEBACK=wer asks for one.
func ForbidDumps() (allow func()) { return func() {} }
