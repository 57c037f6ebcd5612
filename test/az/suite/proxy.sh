# az connectedk8s proxy, with the program that the hub hands out. It runs until it is ended, so az is started in the background.
proxy_pid=

# begin_proxy WHAT ARGS... starts it and waits until it says that kubectl may come.
begin_proxy() {
	local what=$1 said=1
	shift
	SECONDS=0
	rm -f "$work/proxied"
	# shellcheck disable=SC2086
	$AZ connectedk8s proxy -n quay-1 -g shops -f "$work/proxied" "$@" >"$work/out" 2>"$work/err" </dev/null &
	proxy_pid=$!
	for _ in $(seq 240); do
		grep -q "Start sending kubectl requests" "$work/out" && said=0 && break
		kill -0 "$proxy_pid" 2>/dev/null || break
		sleep 0.5
	done
	result "$said" "$what"
}

# end_proxy ends az as Ctrl-C would, and waits until nothing listens any more.
end_proxy() {
	kill -INT "$proxy_pid" 2>/dev/null
	pkill -INT -P "$proxy_pid" 2>/dev/null # a wrapper's child does not hear what its parent hears
	wait "$proxy_pid" 2>/dev/null
	comes "$1" "^free$" sh -c 'ss -ltn | grep -q ":4701[01] " || echo free'
}

proxied() { "${KUBECTL:-kubectl}" --kubeconfig "$work/proxied" "$@"; }

begin_proxy "proxy: the program comes from the hub"
holds "proxy: the program is Fairlead's" "arcProxy_linux_amd64_" sh -c "ls $work/.clientproxy"
holds "proxy: the kubeconfig leads to this machine" "https://127.0.0.1:47011/[0-9a-f]{64}" cat "$work/proxied"
holds "proxy: the cluster knows who calls" "Username" proxied auth whoami
kube create clusterrolebinding quay-proxy --clusterrole=cluster-admin --user="$(proxied auth whoami -o jsonpath='{.status.userInfo.username}')" >/dev/null
holds "proxy: kubectl get" "azure-arc" proxied get namespaces
holds "proxy: kubectl exec" "fairlead" proxied exec -n azure-arc deploy/config-agent -- /fairlead version
refuses "delete: not while the kubeconfig leads through the proxy" "proxy" connectedk8s delete -n quay-1 -g shops --yes --kube-config "$work/proxied"
end_proxy "proxy: nothing is left when it ends"

kube create serviceaccount quay-reader -n default >/dev/null
kube create clusterrolebinding quay-reader --clusterrole=view --serviceaccount=default:quay-reader >/dev/null
begin_proxy "proxy --token" --token "$(kube create token quay-reader -n default)"
holds "proxy --token: the cluster knows its own account" "system:serviceaccount:default:quay-reader" proxied auth whoami
end_proxy "proxy --token: nothing is left when it ends"
