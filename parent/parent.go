// Package parent tells when the process that has started this one is gone.
package parent
