// Runs before the first paint, so that nobody sees the other mode flash. A file, because the content security policy
// allows no inline script. The key is the one that the component library keeps the choice under.
(() => {
  let choice = 'auto';
  try {
    choice = localStorage.getItem('vueuse-color-scheme') || 'auto';
  } catch {
    // Storage may be forbidden; then the system decides.
  }
  const isDark =
    choice === 'dark' || (choice === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('dark', isDark);
})();
