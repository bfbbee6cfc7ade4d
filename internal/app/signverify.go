package app

import (
	"bytes"
	"crypto/ed25519"
	"fmt"

	"offboard/internal/offboard"
)

// VerifyReport tells whether a file, JSON or HTML, is a report as the engine made it: its hash, its signature, and, of a
// page, that it says what its data say. The trusted key is the one the engine's operator published; nil where the caller
// has none, and then a signature proves only that whoever sealed the report held the key named in it. The error is that
// of a file that holds no report.
func VerifyReport(file []byte, trusted ed25519.PublicKey) (offboard.Report, []Check, error) {
	report, data, page, err := offboard.ReadSealed(file)
	if err != nil {
		return offboard.Report{}, nil, fmt.Errorf("verify the report: %w", err)
	}
	hash, err := offboard.HashOf(data)
	if err != nil {
		return offboard.Report{}, nil, fmt.Errorf("verify the report: %w", err)
	}
	checks := []Check{verifyHash(*report.Seal, hash), verifySignature(*report.Seal, hash, trusted)}
	if page {
		checks = append(checks, verifyPage(report, file))
	}
	return report, checks, nil
}

const doNotTrust = "do not rely on this file; print the report again with starter report, or take the copy the worker kept"

func verifyHash(seal offboard.Seal, hash string) Check {
	if seal.Hash != hash {
		return Check{Name: "content hash", Detail: fmt.Sprintf("the file says %s, its content has %s: it was changed", seal.Hash, hash), Remedy: doNotTrust}
	}
	return Check{Name: "content hash", OK: true, Detail: hash}
}

// verifySignature judges the signature of the content, never of the hash that the file names.
func verifySignature(seal offboard.Seal, hash string, trusted ed25519.PublicKey) Check {
	const name = "signature"
	if seal.Signature == "" {
		if trusted != nil {
			return Check{Name: name, Detail: "there is none, though a public key was given", Remedy: doNotTrust}
		}
		return Check{Name: name, OK: true, Detail: "there is none: the hash finds accidents, but whoever changes a file on purpose can change its hash"}
	}
	key, keyErr := ParsePublicKey(seal.PublicKey)
	signature, err := unprefixed(seal.Signature)
	switch {
	case keyErr != nil || err != nil:
		return Check{Name: name, Detail: "the public key or the signature cannot be read", Remedy: doNotTrust}
	case trusted != nil && !trusted.Equal(key):
		return Check{Name: name, Detail: fmt.Sprintf("it was made with another key than the one given: %s", seal.PublicKey), Remedy: doNotTrust}
	case !ed25519.Verify(key, offboard.SealText(hash), signature):
		return Check{Name: name, Detail: "it is not one of this content", Remedy: doNotTrust}
	case trusted == nil:
		return Check{Name: name, OK: true, Detail: fmt.Sprintf("made with %s; give the key you trust with --public-key, since anybody can sign with a key of their own", seal.PublicKey)}
	}
	return Check{Name: name, OK: true, Detail: "made with the key given, " + seal.PublicKey}
}

// verifyPage makes the page again from its data and compares. Only the same build writes the same page.
func verifyPage(report offboard.Report, file []byte) Check {
	const name = "page"
	again, err := report.HTML()
	switch {
	case err == nil && bytes.Equal(bytes.TrimSpace(again), bytes.TrimSpace(file)):
		return Check{Name: name, OK: true, Detail: "it says what its data say"}
	case report.Seal.Engine != Version():
		return Check{Name: name, Detail: fmt.Sprintf("it was written by build %s and this is %s, so only its data are verified, not its words", report.Seal.Engine, Version()),
			Remedy: "verify it with the build that made it, or the report in JSON"}
	}
	return Check{Name: name, Detail: "it says something else than its data: it was changed", Remedy: doNotTrust}
}
