// Package offboard says what an offboarding is: the words, the request, the survey, the policy, the plan, the progress
// and the report. Everything in it is a pure function of its input.
//
// It knows nothing of Temporal, of IBM's SDKs, of Kubernetes clients or of any file or network: it imports the standard
// library only.
package offboard
