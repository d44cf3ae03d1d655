// Package docs tests that the documents show what forcecred does.
package docs
