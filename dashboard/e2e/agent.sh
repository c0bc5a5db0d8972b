# An agent that speaks the Agent Client Protocol: it answers each request, and tells what is in a file when it is prompted.
while read -r line; do
  rest=${line#*\"id\":}
  id=${rest%%[!0-9]*}
  case $line in
    *'"session/prompt"'*) cat updates.jsonl; result='{"stopReason":"end_turn"}' ;;
    *'"session/new"'*) result='{"sessionId":"s"}' ;;
    *'"initialize"'*) result='{"protocolVersion":1,"agentCapabilities":{}}' ;;
    *) result='{}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
