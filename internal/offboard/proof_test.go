package offboard_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

// doorKey is a key pair that is the same in every run of the tests.
func doorKey(seed byte) (ed25519.PrivateKey, string) {
	raw := make([]byte, ed25519.SeedSize)
	raw[0] = seed
	private := ed25519.NewKeyFromSeed(raw)
	return private, base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
}

func TestProofFitsItsApprovalOnly(t *testing.T) {
	private, public := doorKey(1)
	_, stranger := doorKey(2)
	claim := offboard.ApprovalClaim{WorkflowID: "offboard/acc/1", RunID: "run", Digest: "d1", By: "Approver@acme.example", Answers: map[string]string{"key/1": "keep", "a": "accept"}}
	proof := claim.Prove(private)
	require.True(t, claim.Proven(proof, []string{"not a key", stranger, public}))

	same := claim
	same.By = "approver@ACME.example"
	assert.True(t, same.Proven(proof, []string{public}), "addresses are compared without case")

	other := map[string]func(c *offboard.ApprovalClaim){
		"run":     func(c *offboard.ApprovalClaim) { c.RunID = "run-2" },
		"id":      func(c *offboard.ApprovalClaim) { c.WorkflowID = "offboard/acc/2" },
		"plan":    func(c *offboard.ApprovalClaim) { c.Digest = "d2" },
		"person":  func(c *offboard.ApprovalClaim) { c.By = "somebody@acme.example" },
		"answer":  func(c *offboard.ApprovalClaim) { c.Answers = map[string]string{"key/1": "retire", "a": "accept"} },
		"answers": func(c *offboard.ApprovalClaim) { c.Answers = nil },
	}
	for name, change := range other {
		c := claim
		change(&c)
		assert.False(t, c.Proven(proof, []string{public}), "another %s", name)
	}
	assert.False(t, claim.Proven(proof, []string{stranger}))
	assert.False(t, claim.Proven(proof, nil))
	assert.False(t, claim.Proven("", []string{public}))
	assert.False(t, claim.Proven("?", []string{public}))
}

func TestParseApproverKey(t *testing.T) {
	_, public := doorKey(1)
	_, err := offboard.ParseApproverKey(public)
	require.NoError(t, err)
	_, err = offboard.ParseApproverKey("short")
	require.ErrorContains(t, err, "is not base64")
	_, err = offboard.ParseApproverKey("c2hvcnQ=")
	require.ErrorContains(t, err, "has 5 bytes")
}
