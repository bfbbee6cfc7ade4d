package ibmsim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// CanaryPrefix begins every secret the simulator makes up, so that a test can search any output for leaks.
const CanaryPrefix = "CANARY-"

// idSource makes identifiers that depend on the seed and on what they are for, never on chance or map order.
type idSource struct {
	seed    uint64
	counter map[string]int
}

func newIDSource(seed uint64) *idSource { return &idSource{seed: seed, counter: map[string]int{}} }

// of is the identifier of a named thing: the same name always has the same one.
func (s *idSource) of(kind, name string) string {
	sum := sha256.Sum256([]byte(strconv.FormatUint(s.seed, 10) + "|" + kind + "|" + name))
	return hex.EncodeToString(sum[:16])
}

// next is the identifier of the next new thing of a kind.
func (s *idSource) next(kind string) string {
	s.counter[kind]++
	return s.of(kind, "#"+strconv.Itoa(s.counter[kind]))
}

func uuidOf(hex32 string) string {
	return hex32[:8] + "-" + hex32[8:12] + "-4" + hex32[13:16] + "-a" + hex32[17:20] + "-" + hex32[20:32]
}

func (s *idSource) iamID(email string) string {
	return "IBMid-" + strings.ToUpper(s.of("iam", strings.ToLower(email))[:10])
}

// clusterID has the shape of the real ones: 20 lower-case letters and digits.
func (s *idSource) clusterID(name string) string { return "c" + s.of("cluster", name)[:19] }

func (s *idSource) secret(owner, name, distinct string) string {
	local, _, _ := strings.Cut(owner, "@")
	return fmt.Sprintf("%skey-%s-%s-%s", CanaryPrefix, local, strings.ReplaceAll(name, " ", "-"), s.of("secret", owner+name+distinct)[:8])
}
