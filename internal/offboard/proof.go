package offboard

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
)

// ApprovalClaim is what a proof of an approval speaks for: this person said yes to this plan of this run, with these
// answers. A proof for one of them proves nothing about another.
type ApprovalClaim struct {
	WorkflowID string            `json:"workflowId"`
	RunID      string            `json:"runId"`
	Digest     string            `json:"digest"`
	By         string            `json:"by"` // compared without case
	Answers    map[string]string `json:"answers,omitempty"`
}

// message is what is signed: one quoted text a line, so that no two claims have the same. The first line keeps a signature
// over something else of the same key from fitting.
func (c ApprovalClaim) message() []byte {
	var b strings.Builder
	b.WriteString("offboard approval, version 1\n")
	for _, text := range []string{c.WorkflowID, c.RunID, c.Digest, strings.ToLower(c.By)} {
		fmt.Fprintf(&b, "%q\n", text)
	}
	for _, question := range sortedKeys(c.Answers) {
		fmt.Fprintf(&b, "%q %q\n", question, c.Answers[question])
	}
	return []byte(b.String())
}

// Prove signs an approval with the key of a door that has authenticated the approver. The proof is base64 and no secret.
func (c ApprovalClaim) Prove(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, c.message()))
}

// Proven tells whether a proof was made for this approval by the owner of one of the public keys, each base64 of 32
// bytes (see ParseApproverKey). Keys that cannot be read prove nothing.
func (c ApprovalClaim) Proven(proof string, keys []string) bool {
	signature, err := base64.StdEncoding.DecodeString(proof)
	if err != nil {
		return false
	}
	message := c.message()
	for _, text := range keys {
		if key, err := ParseApproverKey(text); err == nil && ed25519.Verify(key, message, signature) {
			return true
		}
	}
	return false
}

// ParseApproverKey reads a public key of the policy: base64 of the 32 bytes of an ed25519 key.
func ParseApproverKey(text string) (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("is not base64: %w", err)
	}
	if len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("has %d bytes: an ed25519 public key has %d", len(raw), ed25519.PublicKeySize)
	}
	return raw, nil
}
