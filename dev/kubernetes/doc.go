// Package kubernetes holds whole offboardings whose clusters are real: the simulated IBM Cloud hands out kubeconfigs that
// lead to the API servers of the program kubetest, and keeps its books on the pods it sees there.
package kubernetes
